package simulator

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Whatever becomes of a cancel, the lookup tells whether the page is over.
func TestCancel_Faults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		odds Odds
		want error
		done bool
	}{
		"no fault":          {Odds{}, nil, true},
		"response lost":     {Odds{LoseResponses: 1}, errNoResponse, true},
		"response cut off":  {Odds{TruncateResponses: 1}, errTruncated, true},
		"request lost":      {Odds{LoseRequests: 1}, errNoResponse, false},
		"connection":        {Odds{Unavailable: 1}, ports.ErrNotSent, false},
		"too many requests": {Odds{Busy: 1}, ports.ErrNotSent, false},
		"bad credentials":   {Odds{Credentials: 1}, ports.ErrCredentials, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{})
			r := onPage()
			mustCharge(t, s, r)
			faulty := New(s.pool, Config{Clock: s.cfg.Clock, Wait: s.cfg.Wait, Odds: tt.odds})
			if err := faulty.Cancel(t.Context(), ports.ChargeQuery{Key: r.Key}); !errors.Is(err, tt.want) {
				t.Errorf("Cancel: %v, want %v", err, tt.want)
			}
			if o := mustFind(t, s, r.Key); (o.Status == billing.PaymentDeclined) != tt.done {
				t.Errorf("the payment is %+v; cancelled: want %t", o, tt.done)
			}
		})
	}
}

// A payment that is over, or that settles without its viewer, cannot be cancelled.
func TestCancel_Refused(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]billing.PaymentStatus{
		"tok_ok": billing.PaymentSucceeded, "tok_card_settled_later": billing.PaymentPending,
	} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			s := newSimulator(t, Config{Wall: func() time.Time { return now }})
			r := charge(token)
			before := mustCharge(t, s, r)
			if err := s.Cancel(t.Context(), ports.ChargeQuery{Key: r.Key}); !errors.Is(err, ports.ErrRefused) {
				t.Errorf("Cancel: %v, want ErrRefused", err)
			}
			if o := mustFind(t, s, r.Key); o != before || o.Status != want {
				t.Errorf("the payment is %+v, want %+v", o, before)
			}
		})
	}
}

// The viewer pays and the service cancels at the same time: the first one wins, and the
// ledger agrees with the outcome.
func TestCancel_WhilePaying(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	for range 20 {
		r := onPage()
		page := mustCharge(t, s, r).ActionURL
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = s.Cancel(t.Context(), ports.ChargeQuery{Key: r.Key})
		}()
		postCard(t, s.Handler(), page, "pay", "4242424242424242")
		<-done
		want := []billing.Money{r.Amount}
		if mustFind(t, s, r.Key).Status == billing.PaymentDeclined {
			want = nil
		}
		wantLedger(t, s, r.Key, want)
	}
}
