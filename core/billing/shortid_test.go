package billing_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestShortID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"01a226b5-d1ba-7d0c-9915-02f00ae4dc5e": "0ae4dc5e",
		"12345678":                             "12345678",
		"1234":                                 "1234",
		"":                                     "",
	} {
		if got := billing.ShortID(id); got != want {
			t.Errorf("ShortID(%q) = %q, want %q", id, got, want)
		}
	}
}
