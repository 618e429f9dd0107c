package boot_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

func TestSupportLimits_Parse(t *testing.T) {
	t.Parallel()
	rubles, dollars := billing.Money{Amount: 1000_00, Currency: "RUB"}, billing.Money{Amount: 10_50, Currency: "USD"}
	for text, want := range map[string]billing.SupportLimits{
		"":                               {GiveDays: 7, Refunds: []billing.Money{rubles}}, // the default
		"give=7d,refund=1000.00 RUB/day": {GiveDays: 7, Refunds: []billing.Money{rubles}},
		"give=0d":                        {},
		"refund=1000 RUB/day, refund=10.50 USD/day": {Refunds: []billing.Money{rubles, dollars}},
	} {
		cfg, err := boot.Load[boot.Admin](environ(t, "BILLING_SUPPORT_LIMITS="+text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, cfg.SupportLimits.SupportLimits); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestSupportLimits_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"give=7", "give=-1d", "give=367d", "give=7d,give=8d", "give=d", "refund=1000 RUB", "refund=1000/day", "refund=RUB/day",
		"refund=1000 rub/day", "refund=-1 RUB/day", "refund=1 RUB/day,refund=2 RUB/day", "refund=0.001 RUB/day", "cancel=1", "give=7d,", "7d",
	} {
		_, err := boot.Load[boot.Admin](environ(t, "BILLING_SUPPORT_LIMITS="+text))
		if list := faults(t, err); len(list) != 1 || !strings.HasPrefix(list[0], "BILLING_SUPPORT_LIMITS=") {
			t.Errorf("%q: faults %q, want one of BILLING_SUPPORT_LIMITS", text, list)
		}
	}
}
