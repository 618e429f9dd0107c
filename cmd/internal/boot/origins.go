package boot

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Origins is a list of web origins.
type Origins []string

// UnmarshalText parses a list with commas or spaces between the origins.
func (o *Origins) UnmarshalText(text []byte) (err error) {
	*o, err = addresses(text, isOrigin)
	return err
}

// addresses parses a list with commas or spaces between the addresses. It returns an error
// if one of them is not valid.
func addresses(text []byte, valid func(string) bool) ([]string, error) {
	words := strings.FieldsFunc(string(text), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if slices.ContainsFunc(words, func(word string) bool { return !valid(word) }) {
		return nil, errInvalid
	}
	return words, nil
}

// isOrigin reports whether browsers can send the text as an Origin. Another spelling
// of the same address would never match.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || text != u.Scheme+"://"+u.Host || u.Hostname() == "" || text != strings.ToLower(text) {
		return false
	}
	special := func(r rune) bool { return r > unicode.MaxASCII || r == '*' }
	defaultPort := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return defaultPort != "" && u.Port() != defaultPort && !strings.HasSuffix(text, ":") && !strings.ContainsFunc(text, special)
}

// Prefixes is a list of beginnings of web addresses.
type Prefixes []string

// UnmarshalText parses a list with commas or spaces between the addresses. Each has a slash
// after its host, because https://cinema.example is also the beginning of
// https://cinema.example.thief.net.
func (p *Prefixes) UnmarshalText(text []byte) (err error) {
	*p, err = addresses(text, isPrefix)
	return err
}

func isPrefix(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && strings.HasPrefix(u.Path, "/")
}
