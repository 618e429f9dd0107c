package billing

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxReference = 255  // characters
	maxActionURL = 2048 // bytes
	maxCode      = 64   // bytes
)

// noCurrency is the code of ISO 4217 for "no currency".
const noCurrency Currency = "XXX"

// Clean returns o with texts that every store can keep, and the names of the fields
// that it changed. Payment systems are foreign programs: a text that the database
// refuses must not prevent the record of an outcome.
//
// It never changes the status or the amount. It cleans the reference with
// [CleanReference], and removes an action URL or a token that cannot be used. A
// decline code with other characters than codes have becomes [UnknownDecline]. A
// currency that is not three capitals becomes XXX, so a payment never agrees with it.
func (o Outcome) Clean() (_ Outcome, changed []string) {
	if ref := CleanReference(o.ProviderRef); ref != o.ProviderRef {
		o.ProviderRef, changed = ref, append(changed, "provider_ref")
	}
	if o.ActionURL != "" && !IsWebPage(o.ActionURL) {
		o.ActionURL, changed = "", append(changed, "action_url")
	}
	if o.ActionURL == "" {
		o.ActionExpiresAt = time.Time{}
	}
	end := cleanTime(o.ActionExpiresAt)
	if end.IsZero() && !o.ActionExpiresAt.IsZero() {
		changed = append(changed, "action_expires_at")
	}
	o.ActionExpiresAt = end
	if !o.Token.IsZero() && !isToken(o.Token.Reveal()) {
		o.Token, changed = Secret{}, append(changed, "token")
	}
	if o.DeclineCode != "" && !o.DeclineCode.wellFormed() {
		o.DeclineCode, changed = UnknownDecline, append(changed, "decline_code")
	}
	if o.Amount.Currency != "" && !o.Amount.Currency.wellFormed() {
		o.Amount.Currency, changed = noCurrency, append(changed, "currency")
	}
	return o, changed
}

// maxYear is the last year of a time in RFC 3339.
const maxYear = 9999

// cleanTime returns a time in UTC with the precision of a store, or zero for a time that no
// store can keep.
func cleanTime(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1 || t.Year() > maxYear {
		return time.Time{}
	}
	return t
}

// CleanReference returns a payment system's reference as it is stored: without
// control characters, invisible characters and surrounding spaces, and cut after 255
// characters. Invalid UTF-8 becomes U+FFFD. A page of the payment system shows the
// reference in the same way, so a person can copy it from there.
//
// A search must clean the reference that it searches for. Cleaning a reference twice
// changes nothing.
func CleanReference(ref string) string {
	if len(ref) <= maxReference && printable(ref) {
		return ref
	}
	ref = strings.Map(func(r rune) rune {
		if !visible(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(ref, string(utf8.RuneError)))
	ref = strings.TrimSpace(ref)
	if runes := []rune(ref); len(runes) > maxReference {
		ref = strings.TrimSpace(string(runes[:maxReference]))
	}
	return ref
}

// IsWebPage reports whether url is the address of a page that a browser can open, of at
// most 2048 bytes.
func IsWebPage(url string) bool {
	hidden := func(r rune) bool { return !visible(r) || unicode.IsSpace(r) }
	return (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")) &&
		len(url) <= maxActionURL && utf8.ValidString(url) && !strings.ContainsFunc(url, hidden)
}

// isToken reports whether text has the form of a payment token.
func isToken(text string) bool { return len(text) <= maxToken && printable(text) }

func (c DeclineCode) wellFormed() bool {
	other := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }
	return len(c) <= maxCode && !strings.ContainsFunc(string(c), other)
}

func (c Currency) wellFormed() bool {
	return len(c) == 3 && !strings.ContainsFunc(string(c), func(r rune) bool { return r < 'A' || r > 'Z' })
}
