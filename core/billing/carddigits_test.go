package billing_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

func TestHoldsCardNumber_FindsItInAnyText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"alone":                   "4242424242424242",
		"with dashes":             "4242-4242-4242-4242",
		"with dots":               "4242.4242.4242.4242",
		"with underscores":        "4242_4242_4242_4242",
		"with slashes":            "order/4242/4242/4242/4242",
		"with long separators":    "4242 -- 4242 -- 4242 -- 4242",
		"with several separators": "4242-4242 4242.4242",
		"with invisible spaces":   "4242\u200b4242\u200b4242\u200b4242",
		"in pairs":                "42 42 42 42 42 42 42 42",
		"one by one":              "4-2-4-2-4-2-4-2-4-2-4-2-4-2-4-2",
		"American Express":        "3782 822463 10005",
		"19 digits":               "6212-3456-7890-0000-003",
		"13 digits":               "4222222222222",
		"Mir":                     "2200000000000053",
		"in a text":               "paid with 4242424242424242 today",
		"between letters":         "x4242424242424242y",
		"before another number":   "4242424242424242-1",
		"after another number":    "order-17:4242-4242-4242-4242",
		"in a long run":           "00004242424242424242999999",
		"beside a UUID":           "01981e2c-7d4a-7c10-9351-350165352011:4242424242424242",
		"full-width digits":       "４２４２４２４２４２４２４２４２",
		"Arabic digits":           "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢",
	} {
		if !billing.HoldsCardNumber(text) {
			t.Errorf("%s: %q is not found", name, text)
		}
	}
}

func TestHoldsCardNumber_IgnoresOtherNumbers(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":              "",
		"wrong check digit":  "4242-4242-4242-4241",
		"12 digits":          "424242424242",
		"20 digits":          "00000000000000000000",
		"UUID":               "11111111-1111-1111-1111-111111111117",
		"UUID in upper case": "01981E2C-7D4A-7C10-9351-350165352011",
		"milliseconds":       "order-1732881234560",
		"letters between":    "4242x4242x4242x4242",
		"time of day":        "30:45.123456789",
		"phone number":       "+7 (999) 123-45-67",
		"base64":             "eyJhbGciOiJSUzI1NiJ9.4242aaaa4242",
	} {
		if billing.HoldsCardNumber(text) {
			t.Errorf("%s: %q is taken for a card number", name, text)
		}
	}
}

// A token is opaque, so it may contain a card number, but not be one.
func TestIsCardNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"4242424242424242": true, "4242-4242-4242-4242": true, "4242.4242.4242.4242": true,
		"tok_4242424242424242": false, "4242424242424242~7": false, "4242424242424241": false, "": false,
	} {
		if got := billing.IsCardNumber(text); got != want {
			t.Errorf("IsCardNumber(%q) = %t, want %t", text, got, want)
		}
	}
}

// Every found part is a part of the text that has enough digits, in order. Digits of
// UUIDs alone are never found.
func FuzzCardNumbersIn(f *testing.F) {
	for _, text := range []string{
		"", "4111111111111111", "4111 1111-1111 1111", "4111  1111111111111", "411111111111", "1-2-3-4-5-6-7-8-9-0-1-2-3",
		"-4111111111111111-", "019a3c5e-8f2b-7000-8000-123456789012", "019A3C5E-8F2B-7000-8000-12345678901F", "é4111111111111111é",
		"4111111111a11111", "019a3c5e08f2b-7000-8000-4111111111111111", "\xff4111111111111111", "00004242424242424242999999",
	} {
		f.Add(text)
	}
	uuid := regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, p := range billing.CardNumbersIn(text) {
			digits := strings.Map(func(r rune) rune {
				if unicode.IsDigit(r) {
					return r
				}
				return -1
			}, text[p[0]:p[1]])
			if p[0] < end || p[1] > len(text) || utf8.RuneCountInString(digits) < 13 {
				t.Errorf("%q: part %v", text, p)
			}
			end = p[1]
		}
		if uuid.MatchString(text) && end > 0 {
			t.Errorf("the UUID %q is taken for a card number", text)
		}
	})
}

// Clients use UUIDs and times as keys: none may be refused by chance.
func TestHoldsCardNumber_IgnoresUUIDsAndTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`(order-|)[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(:retry-[0-9]|)`).Draw(t, "id")
		at := time.Unix(rapid.Int64Range(1_000_000_000, 4_000_000_000).Draw(t, "second"), 0).UTC()
		for _, text := range []string{id, at.Format("20060102150405"), at.Format("2006-01-02-15-04-05"), at.Format(time.RFC3339Nano)} {
			if billing.HoldsCardNumber(text) {
				t.Errorf("%q is taken for a card number", text)
			}
		}
	})
}

// A number is found with any one separator, and the found part is exactly the number.
func TestCardNumbersIn_AnySeparator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		separator := rapid.StringMatching(`[^0-9\p{L}\p{Nd}]{1,3}`).Draw(t, "separator")
		number := strings.Join([]string{"4242", "4242", "4242", "4242"}, separator)
		before, after := rapid.StringMatching(`[a-z ]{0,5}`).Draw(t, "before"), rapid.StringMatching(`[a-z ]{0,5}`).Draw(t, "after")
		parts := billing.CardNumbersIn(before + number + after)
		if len(parts) != 1 || parts[0] != [2]int{len(before), len(before) + len(number)} {
			t.Errorf("in %q: %v", before+number+after, parts)
		}
	})
}
