package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/ports"
)

const (
	secretKey     = "sk_test_key_of_the_shop"
	webhookSecret = "whsec_test_secret"
	payer         = billing.UserID("viewer-1")
	returnURL     = "https://cinema.example/paid"
)

// world is the adapter with a fake account.
type world struct {
	*stripe.Stripe
	fake  *fake.Fake
	clock *clocktest.Clock
	url   string
	lost  chan struct{} // receives when the fake withholds a response
}

func newWorld(t *testing.T, change ...func(*stripe.Config, *fake.Config)) world {
	t.Helper()
	c := clocktest.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	lost := make(chan struct{}, 1)
	fakeConfig := fake.Config{
		SecretKey: secretKey, WebhookSecret: webhookSecret, Now: c.Now, Lost: func() {
			select {
			case lost <- struct{}{}:
			default: // no call waits
			}
		},
	}
	cfg := stripe.Config{
		SecretKey: billing.NewSecret(secretKey), WebhookSecrets: []billing.Secret{billing.NewSecret(webhookSecret)},
		ReturnURL: returnURL, PerSecond: 100_000, MaxConcurrent: 100, Timeout: 20 * time.Second, Now: c.Now,
	}
	for _, f := range change {
		f(&cfg, &fakeConfig)
	}
	f := fake.New(fakeConfig)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cfg.BaseURL = server.URL
	s, err := stripe.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return world{s, f, c, server.URL, lost}
}

// request returns a request of the payer.
func request(token string) ports.ChargeRequest {
	r := ports.ChargeRequest{
		Key: "0198f4f0-0000-7000-8000-000000000001", Amount: billing.Money{Amount: 29900, Currency: "RUB"},
		Initiator: billing.CustomerInitiated, Payer: payer,
	}
	if token != "" {
		r.Token = billing.NewSecret(token)
	}
	return r
}

// renewal returns a request that the merchant initiates.
func renewal(token string) ports.ChargeRequest {
	r := request(token)
	r.Initiator = billing.MerchantInitiated
	return r
}

// untilLost returns a context that ends when the fake withholds a response.
func (w world) untilLost(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		select {
		case <-w.lost:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// charge charges until the fake withholds a response.
func (w world) charge(t *testing.T, r ports.ChargeRequest) (billing.Outcome, error) {
	t.Helper()
	ctx, cancel := w.untilLost(t)
	defer cancel()
	o, err := w.Charge(ctx, r)
	expectNoSecret(t, err)
	return o, err
}

func (w world) find(t *testing.T, q ports.ChargeQuery) (billing.Outcome, error) {
	t.Helper()
	o, err := w.Find(t.Context(), q)
	expectNoSecret(t, err)
	return o, err
}

// query returns the query for a request that was just sent.
func (w world) query(r ports.ChargeRequest) ports.ChargeQuery {
	now := w.clock.Now()
	return ports.ChargeQuery{Key: r.Key, Payer: r.Payer, Amount: r.Amount, SentFrom: now, SentUntil: now.Add(20 * time.Second)}
}

// ledger returns how often the account was charged with a key.
func (w world) ledger(t *testing.T, key billing.PaymentID) (n int) {
	t.Helper()
	err := w.Charges(t.Context(), time.Time{}, time.Time{}, func(e ports.LedgerEntry) error {
		if e.Key == key {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w world) expectCharged(t *testing.T, key billing.PaymentID, want int) {
	t.Helper()
	if n := w.ledger(t, key); n != want {
		t.Errorf("the account was charged %d times, want %d", n, want)
	}
}

func expectSuccess(t *testing.T, o billing.Outcome, err error) {
	t.Helper()
	if err != nil || o.Status != billing.PaymentSucceeded || o.Amount != (billing.Money{Amount: 29900, Currency: "RUB"}) || !strings.HasPrefix(o.ProviderRef, "pi_") {
		t.Fatalf("the outcome is %+v, %v; want a success over 299.00 RUB", o, err)
	}
}

// expectError expects only this error of [ports.Provider]; nil expects an error that
// leaves the outcome unknown.
func expectError(t *testing.T, err, want error) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error, want %v", want)
	}
	for _, kind := range []error{
		ports.ErrNotSent, ports.ErrTokenUnknown, ports.ErrRefused, ports.ErrKeyConflict, ports.ErrCredentials,
		ports.ErrChargeNotFound, ports.ErrTooLate, ports.ErrRefundNotFound,
	} {
		if errors.Is(err, kind) != (want != nil && errors.Is(want, kind)) {
			t.Errorf("the error is %q, want %v", err, want)
		}
	}
}

// expectNoSecret checks that an error has no key, token, address or word of a response.
func expectNoSecret(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		for _, secret := range []string{"sk_test", "pm_", "cus_", "_secret_", fake.SecretWord, "/v1/", "127.0.0.1"} {
			if strings.Contains(text, secret) {
				t.Errorf("the error contains %q: %s", secret, text)
			}
		}
	}
}
