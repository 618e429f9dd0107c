package providertest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/providertest"
)

// An adapter runs the suite in a test of its own. The harness lists the cases that its
// payment system cannot run.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestProvider(t *testing.T)
		providertest.Run(t, newSandbox)
	}
}

func newSandbox(*testing.T) providertest.Harness {
	s := &sandbox{charges: make(map[billing.PaymentID]charge), refunds: make(map[billing.RefundID]refund)}
	return providertest.Harness{
		Provider: s,
		Ledger:   s,
		Tokens: providertest.Tokens{
			OK:           billing.NewSecret("ok"),
			OtherOK:      billing.NewSecret("other ok"),
			Declined:     map[billing.DeclineCode]billing.Secret{billing.CardExpired: billing.NewSecret("expired")},
			LostResponse: billing.NewSecret("lost"),
			Unknown:      billing.NewSecret("unknown"),
			RefundLost:   billing.NewSecret("refund lost"),
		},
		NotApplicable: notApplicable(),
	}
}

// notApplicable lists the cases that the sandbox has no tokens for.
func notApplicable() map[string]string {
	cases := map[string]string{
		"response slow":      "the sandbox responds immediately",
		"unavailable":        "the sandbox is always available",
		"confirmation":       "the sandbox asks for no confirmation",
		"cancel":             "the sandbox has no pages",
		"card":               "the sandbox takes no cards",
		"card refused":       "the sandbox takes no cards",
		"card response lost": "the sandbox takes no cards",

		"save without charge":                "the sandbox saves nothing",
		"save refused":                       "the sandbox saves nothing",
		"save, same key for another request": "the sandbox saves nothing",
		"save, unknown key":                  "the sandbox saves nothing",
		"forget":                             "the sandbox forgets nothing",
	}
	for _, code := range billing.DeclineCodes() {
		if code != billing.CardExpired {
			cases["declines/"+string(code)] = "the sandbox declines expired cards only"
		}
	}
	return cases
}

// sandbox is a payment system in memory.
type sandbox struct {
	mu      sync.Mutex
	charges map[billing.PaymentID]charge
	refunds map[billing.RefundID]refund
}

type charge struct {
	request ports.ChargeRequest
	outcome billing.Outcome
	at      time.Time
}

// Charge implements [ports.Provider].
func (s *sandbox) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if ctx.Err() != nil {
		return billing.Outcome{}, ports.ErrNotSent
	}
	if _, known := r.Amount.Currency.Digits(); !known || r.Amount.Amount <= 0 || r.Key == "" {
		return billing.Outcome{}, ports.ErrRefused
	}
	o, err := s.charge(r)
	if r.Token.Reveal() == "lost" {
		<-ctx.Done()
		return billing.Outcome{}, ctx.Err()
	}
	return o, err
}

// charge charges once per key.
func (s *sandbox) charge(r ports.ChargeRequest) (billing.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, repeated := s.charges[r.Key]
	switch {
	case repeated && !same(first.request, r):
		return billing.Outcome{}, ports.ErrKeyConflict
	case repeated:
		return first.outcome, nil
	case r.Token.Reveal() == "unknown":
		return billing.Outcome{}, ports.ErrTokenUnknown
	}
	o := outcomeOf(r)
	s.charges[r.Key] = charge{r, o, time.Now().UTC().Truncate(time.Microsecond)}
	return o, nil
}

func same(a, b ports.ChargeRequest) bool {
	return a.Amount == b.Amount && a.Initiator == b.Initiator && a.Token.Equal(b.Token)
}

func outcomeOf(r ports.ChargeRequest) billing.Outcome {
	if r.Token.Reveal() == "expired" {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.CardExpired}
	}
	return billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref-" + string(r.Key)}
}

// Capabilities implements [ports.Provider]. The sandbox never forgets a key.
func (s *sandbox) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

// Find implements [ports.Provider].
func (s *sandbox) Find(_ context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, found := s.charges[q.Key]
	if !found {
		return billing.Outcome{}, ports.ErrChargeNotFound
	}
	return c.outcome, nil
}

// Charges implements [ports.Ledger].
func (s *sandbox) Charges(_ context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, c := range s.charges {
		if c.outcome.Status != billing.PaymentSucceeded || c.at.Before(from) || (!to.IsZero() && !c.at.Before(to)) {
			continue
		}
		if err := each(ports.LedgerEntry{Key: key, Amount: c.outcome.Amount, At: c.at}); err != nil {
			return err
		}
	}
	return nil
}
