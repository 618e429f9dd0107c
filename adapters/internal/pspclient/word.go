package pspclient

import "strings"

// maxWord is the length of the longest code or name of a parameter, in bytes.
const maxWord = 64

// Word returns a code or the name of a parameter of a response, for an error. It returns ""
// for any other text, which may quote data of a viewer.
func Word(text string) string {
	other := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("_.[]", c)
	}
	if len(text) > maxWord || strings.ContainsFunc(text, other) {
		return ""
	}
	return text
}
