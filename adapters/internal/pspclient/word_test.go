package pspclient

import (
	"strings"
	"testing"
)

func TestWord_QuotesNoViewer(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", maxWord)
	for _, text := range []string{"invalid_request", "receipt.items[0].amount", "3d_secure_failed", "", longest} {
		if got := Word(text); got != text {
			t.Errorf("Word(%q) = %q, want the text itself", text, got)
		}
	}
	for _, text := range []string{"79001234567", "phone79001234567", "ann@example.com", "Ann", "two words", "имя", longest + "a"} {
		if got := Word(text); got != "" {
			t.Errorf("Word(%q) = %q, want none", text, got)
		}
	}
}
