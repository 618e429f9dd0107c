package billing_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

func TestParseCardNumber_Separators(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "4242 4242-42424242"} {
		if got := billing.ParseCardNumber(number).Reveal(); got != "4242424242424242" {
			t.Errorf("ParseCardNumber(%q) = %q", number, got)
		}
	}
}

// The check digit detects every wrong digit, and every swap of two neighbours
// except 0 and 9.
func TestHoldsCardNumber_DetectsTypos(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := []byte(rapid.StringMatching(`4[0-9]{14}`).Draw(t, "digits") + "0")
		for d := byte('0'); d <= '9'; d++ {
			digits[15] = d
			if billing.HoldsCardNumber(string(digits)) {
				break
			}
		}
		if !billing.HoldsCardNumber(string(digits)) {
			t.Fatalf("no check digit is valid for %s", digits)
		}
		i := rapid.IntRange(0, 15).Draw(t, "index")
		wrong := slices.Clone(digits)
		wrong[i] = '0' + (wrong[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if billing.HoldsCardNumber(string(wrong)) {
			t.Errorf("%s, a typo of %s, looks valid", wrong, digits)
		}
		if i < 15 {
			swapped := slices.Clone(digits)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			pair := string([]byte{min(digits[i], digits[i+1]), max(digits[i], digits[i+1])})
			if digits[i] != digits[i+1] && pair != "09" && billing.HoldsCardNumber(string(swapped)) {
				t.Errorf("%s, a typo of %s, looks valid", swapped, digits)
			}
		}
	})
}

func TestCardNumber_NeverPrints(t *testing.T) {
	t.Parallel()
	const pan, code = "4916338506082832", "7391"
	number, cvv := billing.ParseCardNumber(pan), billing.NewCVV(code)
	type holder struct {
		number billing.CardNumber
		cvv    billing.CVV
		Number billing.CardNumber
		CVV    billing.CVV
		Ptr    *billing.CardNumber
	}
	values := map[string]any{
		"number": number, "cvv": cvv, "pointer": &number, "details": billing.CardDetails{Number: number},
		"struct": holder{number, cvv, number, cvv, &number}, "pointer to struct": &holder{number, cvv, number, cvv, &number},
		"slice": []billing.CVV{cvv}, "map": map[string]billing.CardNumber{"n": number}, "any": struct{ any }{cvv},
		"nested": map[string][]holder{"x": {{number: number, cvv: cvv}}},
	}
	forms := []string{pan, code, fmt.Sprintf("%x", pan), fmt.Sprintf("%x", code), strings.Trim(fmt.Sprint([]byte(pan)), "[]"), strings.Trim(fmt.Sprint([]byte(code)), "[]")}
	// A line's time has nine digits of a fraction, which may contain the CVV by chance.
	untimed := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	for name, v := range values {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%20s"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var line strings.Builder
		slog.New(slog.NewJSONHandler(&line, untimed)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&line, untimed)).Info("x", "v", v)
		texts = append(texts, string(raw), line.String(), fmt.Errorf("bad: %v", v).Error())
		for _, text := range texts {
			for _, form := range forms {
				if strings.Contains(text, form) {
					t.Errorf("%s prints %s: %s", name, form, text)
				}
			}
		}
	}
	if number.Reveal() != pan || cvv.Reveal() != code {
		t.Error("Reveal does not return the digits")
	}
}

func TestCardNumber_Wipe(t *testing.T) {
	t.Parallel()
	digits := []byte("4242424242424242")
	number := billing.CardNumberFromDigits(digits)
	other := number
	number.Wipe()
	number.Wipe() // a second time
	if !other.IsZero() || other.Reveal() != "" || strings.Trim(string(digits), "\x00") != "" {
		t.Errorf("a copy reveals %q, memory holds %q", other.Reveal(), digits)
	}
	var zero billing.CVV
	zero.Wipe()
	if !zero.IsZero() || zero.Reveal() != "" {
		t.Error("the zero code is not empty")
	}
	if _, err := newCard(billing.CardDetails{Number: number, ExpMonth: 1, ExpYear: 2030}); err == nil {
		t.Error("NewCard accepted a wiped number")
	}
}
