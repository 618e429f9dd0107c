package stripe

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestMoney(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ours   billing.Money
		amount int64
		code   string
	}{
		{billing.Money{Amount: 29900, Currency: "RUB"}, 29900, "rub"},
		{billing.Money{Amount: 1, Currency: "USD"}, 1, "usd"},
		{billing.Money{Amount: 1200, Currency: "JPY"}, 1200, "jpy"},
		{billing.Money{Amount: 1200, Currency: "ISK"}, 120000, "isk"},
		{billing.Money{Amount: 1200, Currency: "UGX"}, 120000, "ugx"},
		{billing.Money{Amount: 120000, Currency: "MGA"}, 1200, "mga"},
		{billing.Money{Amount: 1230, Currency: "KWD"}, 1230, "kwd"},
		{billing.Money{Amount: billing.MaxAmount, Currency: "ISK"}, billing.MaxAmount * 100, "isk"},
	} {
		amount, code, err := toStripe(tt.ours)
		if err != nil || amount != tt.amount || code != tt.code {
			t.Errorf("toStripe(%s) = %d %s, %v; want %d %s", tt.ours, amount, code, err, tt.amount, tt.code)
		}
		if ours, err := fromStripe(tt.amount, tt.code); err != nil || ours != tt.ours {
			t.Errorf("fromStripe(%d, %s) = %s, %v; want %s", tt.amount, tt.code, ours, err, tt.ours)
		}
	}
}

func TestToStripe_Refused(t *testing.T) {
	t.Parallel()
	for _, m := range []billing.Money{
		{}, {Amount: 0, Currency: "RUB"}, {Amount: -1, Currency: "RUB"}, {Amount: 1, Currency: "XXX"}, {Amount: 1, Currency: "rub"},
		{Amount: 1234, Currency: "KWD"}, {Amount: 1250, Currency: "MGA"}, {Amount: 1000, Currency: "IQD"}, {Amount: 1000, Currency: "LYD"},
		{Amount: billing.MaxAmount + 1, Currency: "RUB"}, {Amount: math.MaxInt64, Currency: "ISK"},
	} {
		if amount, _, err := toStripe(m); !errors.Is(err, ports.ErrRefused) {
			t.Errorf("toStripe(%+v) = %d, %v; want ErrRefused", m, amount, err)
		}
	}
}

func TestFromStripe_Refused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		amount int64
		code   string
	}{{100, "xxx"}, {100, ""}, {12345, "isk"}} {
		if m, err := fromStripe(tt.amount, tt.code); err == nil {
			t.Errorf("fromStripe(%d, %q) = %s, want an error", tt.amount, tt.code, m)
		}
	}
}

func TestMoney_ThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := billing.Money{
			Amount:   rapid.Int64Range(1, billing.MaxAmount).Draw(t, "amount"),
			Currency: billing.Currency(rapid.SampledFrom([]string{"RUB", "USD", "JPY", "ISK", "UGX", "MGA", "KWD", "BHD", "EUR"}).Draw(t, "currency")),
		}
		amount, code, err := toStripe(m)
		if err != nil {
			return // refused
		}
		if back, err := fromStripe(amount, code); err != nil || back != m {
			t.Fatalf("%s becomes %d %s and then %s, %v", m, amount, code, back, err)
		}
	})
}
