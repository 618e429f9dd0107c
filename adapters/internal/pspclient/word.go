package pspclient

import "strings"

// maxWord is the length of the longest code or name of a parameter, in bytes. A code with
// more than maxDigits digits may be a number of a viewer's card or phone.
const (
	maxWord   = 64
	maxDigits = 4
)

// Word returns a code or the name of a parameter of a response, for an error. It returns ""
// for any other text, which may quote data of a viewer.
func Word(text string) string {
	digits := 0
	other := func(c rune) bool {
		if c >= '0' && c <= '9' {
			digits++
			return digits > maxDigits
		}
		return (c < 'a' || c > 'z') && !strings.ContainsRune("_.[]", c)
	}
	if len(text) > maxWord || strings.ContainsFunc(text, other) {
		return ""
	}
	return text
}
