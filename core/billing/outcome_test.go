package billing_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/online-cinema/billing/core/billing"
)

// success returns the outcome of a payment whose reference is ref.
func success(ref string) billing.Outcome {
	return billing.Outcome{
		Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 399_00, Currency: "RUB"}, ProviderRef: ref,
	}
}

func TestOutcomeClean(t *testing.T) {
	t.Parallel()
	until, moscow := day(1), time.FixedZone("MSK", 3*60*60)
	withToken := func(token string) billing.Outcome {
		o := success("ch_1")
		o.Token = billing.NewSecret(token)
		return o
	}
	paidIn := func(c billing.Currency) billing.Outcome {
		o := success("ch_1")
		o.Amount.Currency = c
		return o
	}
	tests := []struct {
		name      string
		got, want billing.Outcome
		changed   string
	}{
		{"usual success", success("pi_3MtwBwLkdIwHu7ix28a3tqPa"), success("pi_3MtwBwLkdIwHu7ix28a3tqPa"), ""},
		{"no reference", success(""), success(""), ""},
		{"NUL in the reference", success("ch_1\x002"), success("ch_12"), "provider_ref"},
		{"reference of NULs only", success("\x00\x00"), success(""), "provider_ref"},
		{"invalid UTF-8 in the reference", success("ch\xff\xfe1"), success("ch�1"), "provider_ref"},
		{"line break after the reference", success(" ch_1\r\n"), success("ch_1"), "provider_ref"},
		{"invisible characters in the reference", success("ch\u200b_\u202e1"), success("ch_1"), "provider_ref"},
		{"reference in Cyrillic", success("заказ 1"), success("заказ 1"), ""},
		{"reference of 256 characters", success(strings.Repeat("я", 256)), success(strings.Repeat("я", 255)), "provider_ref"},
		{"reference of 255 characters", success(strings.Repeat("я", 255)), success(strings.Repeat("я", 255)), ""},
		{"usual page", waiting("https://bank.example/3ds?id=1&next=%20"), waiting("https://bank.example/3ds?id=1&next=%20"), ""},
		{"page with a NUL", waiting("https://bank.example/\x00"), waiting(""), "action_url"},
		{"page with a space", waiting("https://bank.example/a b"), waiting(""), "action_url"},
		{"page with a script", waiting("javascript:alert(1)"), waiting(""), "action_url"},
		{"page of 2049 bytes", waiting("https://bank.example/" + strings.Repeat("a", 2028)), waiting(""), "action_url"},
		{"page with an end", waitingUntil("https://bank.example/3ds", until.In(moscow).Add(999)), waitingUntil("https://bank.example/3ds", until), ""},
		{"page without an end", waitingUntil("https://bank.example/3ds", time.Time{}), waiting("https://bank.example/3ds"), ""},
		{"page with an end that JSON cannot hold", waitingUntil("https://bank.example/3ds", until.AddDate(8000, 0, 0)), waiting("https://bank.example/3ds"), "action_expires_at"},
		{"end without a page", waitingUntil("", until), waiting(""), ""},
		{"usual token", withToken("pm_1"), withToken("pm_1"), ""},
		{"token with a NUL", withToken("pm_\x001"), success("ch_1"), "token"},
		{"token of 4097 bytes", withToken(strings.Repeat("a", 4097)), success("ch_1"), "token"},
		{"known decline code", declined(billing.InsufficientFunds), declined(billing.InsufficientFunds), ""},
		{"new decline code", declined("card_frozen_2"), declined("card_frozen_2"), ""},
		{"decline code with a NUL", declined("card\x00"), declined(billing.UnknownDecline), "decline_code"},
		{"decline code of 65 bytes", declined(billing.DeclineCode(strings.Repeat("a", 65))), declined(billing.UnknownDecline), "decline_code"},
		{"currency with a NUL", paidIn("RU\x00"), paidIn("XXX"), "currency"},
		{"status with a NUL", billing.Outcome{Status: "paid\x00"}, billing.Outcome{Status: "paid\x00"}, ""},
		{
			"everything", billing.Outcome{ProviderRef: "\x00", ActionURL: "\x00", Token: billing.NewSecret("\x00"), DeclineCode: "\x00", Amount: billing.Money{Currency: "\x00"}},
			billing.Outcome{DeclineCode: billing.UnknownDecline, Amount: billing.Money{Currency: "XXX"}},
			"provider_ref action_url token decline_code currency",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, changed := tt.got.Clean()
			if !got.Token.Equal(tt.want.Token) {
				t.Error("the token differs")
			}
			got.Token, tt.want.Token = billing.Secret{}, billing.Secret{}
			expectSame(t, got, tt.want)
			expectSame(t, strings.Join(changed, " "), tt.changed)
		})
	}
}

// A payment of a malformed currency is a contradiction, and its text can be stored.
func TestSettle_MalformedCurrency(t *testing.T) {
	t.Parallel()
	s, p := started(t)
	o := success("ch_1")
	o.Amount.Currency = "RU\x00"
	o, _ = o.Clean()
	_, p, _ = s.Settle(p, o, billing.RetrySchedule{}, billing.Calendar{}, day(0))
	if !strings.Contains(p.Contradiction, "XXX") || strings.Contains(p.Contradiction, "\x00") {
		t.Errorf("the contradiction is %q", p.Contradiction)
	}
}

func FuzzCleanReference(f *testing.F) {
	for _, seed := range []string{"", "pi_1", "a\x00b", "\xff\xfe", " x ", strings.Repeat("я ", 200), "a\u0300\u200d\U000e0001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		clean := billing.CleanReference(ref)
		if !utf8.ValidString(clean) || strings.ContainsRune(clean, 0) || utf8.RuneCountInString(clean) > 255 {
			t.Errorf("CleanReference(%q) = %q, which cannot be stored", ref, clean)
		}
		if again := billing.CleanReference(clean); again != clean {
			t.Errorf("cleaned twice: %q, once: %q", again, clean)
		}
	})
}
