package yookassa

import (
	"cmp"
	"strings"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
)

// isShopID reports whether text has the form of a shop id. A colon would end it in the
// header Authorization.
func isShopID(text string) bool { return consistsOf(text, 20, isDigit) }

// isKey reports whether text has the form of an Idempotence-Key.
func isKey(text string) bool {
	return consistsOf(text, 64, func(c rune) bool {
		return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.ContainsRune("+-_.", c)
	})
}

// printable reports whether text has only visible characters of ASCII.
func printable(text string) bool {
	return consistsOf(text, 255, func(c rune) bool { return ' ' < c && c <= '~' })
}

// word returns a code or the name of a parameter for an error, or a dash for none and for
// any other text.
func word(text string) string { return cmp.Or(pspclient.Word(text), "-") }

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

func consistsOf(text string, longest int, allowed func(rune) bool) bool {
	other := func(c rune) bool { return !allowed(c) }
	return text != "" && len(text) <= longest && !strings.ContainsFunc(text, other)
}
