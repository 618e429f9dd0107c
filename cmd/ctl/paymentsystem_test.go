package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	stripe "github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// Only Stripe's account is needed: no database is opened.
func TestPaymentSystemCheck(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(stripe.New(stripe.Config{SecretKey: "sk_test_right", Now: time.Now}))
	t.Cleanup(server.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct {
		vars string
		exit int
		want string
	}{
		"right key":   {"BILLING_ENV=test BILLING_STRIPE_SECRET_KEY=sk_test_right", boot.OK, "responds and accepts the credentials"},
		"wrong key":   {"BILLING_ENV=test BILLING_STRIPE_SECRET_KEY=sk_test_wrong", boot.Failed, "payment system stripe refuses the keys of this environment"},
		"missing key": {"BILLING_ENV=test", boot.Failed, "payment system stripe is off: set BILLING_STRIPE_SECRET_KEY"},
		"half of another account": {"BILLING_ENV=test BILLING_STRIPE_SECRET_KEY=sk_test_right BILLING_YOOKASSA_SHOP_ID=1", boot.Misused,
			"BILLING_YOOKASSA_SHOP_ID and BILLING_YOOKASSA_SECRET_KEY must both be set or neither"},
		"test key in production": {"BILLING_STRIPE_SECRET_KEY=sk_test_right", boot.Misused, "is of a test account"},
		"live key in a test":     {"BILLING_ENV=test BILLING_STRIPE_SECRET_KEY=sk_live_right", boot.Misused, "is of a live account"},
		"unavailable": {"BILLING_ENV=test BILLING_STRIPE_SECRET_KEY=sk_test_right BILLING_STRIPE_API_URL=" + closed.URL, boot.Failed,
			"the payment system is unavailable; the request was not sent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := append([]string{"BILLING_DATABASE_URL=postgres://nobody@127.0.0.1:1/billing", "BILLING_STRIPE_API_URL=" + server.URL},
				strings.Fields(tt.vars)...)
			out, errs := (cli{vars}).run(t, tt.exit, "payment-system", "check", "stripe")
			if !strings.Contains(out+errs, tt.want) || strings.Contains(out+errs, "sk_") {
				t.Errorf("the output is %q, want %q in it and no key", out+errs, tt.want)
			}
		})
	}
}
