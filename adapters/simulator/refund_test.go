package simulator

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/ports"
)

func refundOf(r ports.ChargeRequest, key billing.RefundID, amount int64) ports.RefundRequest {
	return ports.RefundRequest{Key: key, Payment: r.Key, Amount: billing.Money{Amount: amount, Currency: "RUB"}}
}

func mustRefund(t *testing.T, s *Simulator, r ports.RefundRequest) billing.RefundOutcome {
	t.Helper()
	o, err := s.Refund(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func findRefund(t *testing.T, s *Simulator, r ports.RefundRequest) (billing.RefundOutcome, error) {
	t.Helper()
	return s.FindRefund(t.Context(), ports.RefundQuery{Key: r.Key, Payment: r.Payment})
}

func refunds(t *testing.T, s *Simulator) (list []ports.RefundEntry) {
	t.Helper()
	err := s.Refunds(t.Context(), time.Time{}, func(e ports.RefundEntry) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRefund_NeverExceedsCharge(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_ok")
	paid := mustCharge(t, s, r)
	first := mustRefund(t, s, refundOf(r, "r1", 30000))
	if again := mustRefund(t, s, refundOf(r, "r1", 30000)); again != first || first.Status != billing.PaymentSucceeded {
		t.Errorf("the same key again: %+v, first %+v", again, first)
	}
	for name, tt := range map[string]struct {
		request ports.RefundRequest
		want    error
	}{
		"more than the rest":  {refundOf(r, "r2", 9901), ports.ErrRefused},
		"another amount":      {refundOf(r, "r1", 1), ports.ErrKeyConflict},
		"nothing":             {refundOf(r, "r3", 0), ports.ErrRefused},
		"an unknown payment":  {refundOf(charge("tok_ok"), "r4", 1), ports.ErrRefused},
		"no key":              {refundOf(r, "", 1), ports.ErrRefused},
		"another currency":    {ports.RefundRequest{Key: "r5", Payment: r.Key, Amount: billing.Money{Amount: 1, Currency: "USD"}}, ports.ErrRefused},
		"a key of its charge": {refundOf(r, billing.RefundID(r.Key), 9901), ports.ErrRefused},
	} {
		if _, err := s.Refund(t.Context(), tt.request); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	mustRefund(t, s, refundOf(r, "r6", 9900))
	list := refunds(t, s)
	if len(list) != 2 || list[0].Key != "r1" || list[0].Payment != r.Key || list[0].PaymentRef != paid.ProviderRef || list[0].Ref != first.ProviderRef || list[0].Amount.Amount != 30000 {
		t.Errorf("the refunds are %+v", list)
	}
}

func TestRefund_OfPendingChargeIsRefused(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_3ds")
	mustCharge(t, s, r)
	if _, err := s.Refund(t.Context(), refundOf(r, "r", 1)); !errors.Is(err, ports.ErrRefused) {
		t.Errorf("error %v, want that it is refused", err)
	}
}

func TestRefund_ManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_ok")
	mustCharge(t, s, r)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			key := billing.RefundID("same")
			if i%2 == 0 {
				key = billing.RefundID(rune('a' + i))
			}
			_, _ = s.Refund(context.WithoutCancel(t.Context()), refundOf(r, key, 15000))
		})
	}
	wg.Wait()
	if list := refunds(t, s); len(list) != 2 { // 2 × 150.00 of 399.00
		t.Errorf("%d refunds, want 2: %+v", len(list), list)
	}
}

func TestRefund_Behaviours(t *testing.T) {
	t.Parallel()
	const succeeded, pending, declined = billing.PaymentSucceeded, billing.PaymentPending, billing.PaymentDeclined
	for name, tt := range map[string]struct {
		request      ports.ChargeRequest
		first, later billing.PaymentStatus
	}{
		"pending token":  {charge("tok_refund_pending"), pending, succeeded},
		"failing token":  {charge("tok_refund_fails~7"), succeeded, declined},
		"refused token":  {charge("tok_refund_refused"), declined, declined},
		"pending card":   {cardCharge("4000000000007726", "123"), pending, succeeded},
		"failing card":   {cardCharge("4000000000005126", "123"), succeeded, declined},
		"ordinary token": {charge("tok_ok"), succeeded, succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wall := clocktest.New(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
			s := newSimulator(t, Config{Wall: wall.Now})
			mustCharge(t, s, tt.request)
			r := refundOf(tt.request, "r", 39900)
			if o := mustRefund(t, s, r); o.Status != tt.first || (o.DeclineCode != "") != (tt.first == declined) {
				t.Errorf("at first %+v, want %s", o, tt.first)
			}
			wall.Advance(settleDelay)
			o, err := findRefund(t, s, r)
			if err != nil || o.Status != tt.later || refunds(t, s)[0].Status != tt.later {
				t.Errorf("later %+v, %v; want %s", o, err, tt.later)
			}
			if _, err := s.Refund(t.Context(), refundOf(tt.request, "r2", 1)); (err == nil) != (tt.later == declined) {
				t.Errorf("another refund: %v; want it refused unless the first was declined", err)
			}
		})
	}
}

func TestRefund_RenewalOfCardHasBehaviour(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	first := mustCharge(t, s, cardCharge("4000000000007726", "123"))
	r := renewal(first.Token.Reveal())
	mustCharge(t, s, r)
	if o := mustRefund(t, s, refundOf(r, "r", 1)); o.Status != billing.PaymentPending {
		t.Errorf("the refund of a renewal is %s, want pending", o.Status)
	}
}

func TestRefund_ByHand(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_ok")
	paid := mustCharge(t, s, r)
	if err := s.RefundByHand(t.Context(), r.Key, billing.Money{Amount: 100, Currency: "RUB"}); err != nil {
		t.Fatal(err)
	}
	list := refunds(t, s)
	if len(list) != 1 || list[0].Key != "" || list[0].Payment != "" || list[0].PaymentRef != paid.ProviderRef || list[0].Status != billing.PaymentSucceeded {
		t.Errorf("the refunds are %+v, want one that names only the payment's reference", list)
	}
}

func TestRefund_LagAndHorizon(t *testing.T) {
	t.Parallel()
	r := charge("tok_ok")
	database := pgtest.URL(t)
	mustCharge(t, newSimulatorAt(t, database, Config{}), r)
	mustRefund(t, newSimulatorAt(t, database, Config{}), refundOf(r, "r", 100))
	lagging, forgetful := newSimulatorAt(t, database, Config{Lag: time.Hour}), newSimulatorAt(t, database, Config{Horizon: time.Nanosecond})
	for name, s := range map[string]*Simulator{"lag": lagging, "horizon": forgetful} {
		if _, err := findRefund(t, s, refundOf(r, "r", 100)); !errors.Is(err, ports.ErrRefundNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	mustRefund(t, lagging, refundOf(r, "r", 100))
	if n := len(refunds(t, lagging)); n != 1 {
		t.Errorf("%d refunds, want 1", n)
	}
	mustRefund(t, forgetful, refundOf(r, "r", 100)) // the key is new again
	if n := len(refunds(t, forgetful)); n != 2 {
		t.Errorf("%d refunds, want 2", n)
	}
}

// The bank takes the refund back later, and the payment system says so.
func TestRefund_NotifiesOfChange(t *testing.T) {
	t.Parallel()
	synced := make(chan ports.Notification, 1)
	s := newSimulator(t, Config{NotifySecret: billing.NewSecret("secret"), Notify: func(_ context.Context, header map[string][]string, body []byte) {
		synced <- ports.Notification{Header: header, Body: body, At: time.Now()}
	}})
	r := charge("tok_refund_fails")
	mustCharge(t, s, r)
	o := mustRefund(t, s, refundOf(r, "r", 100))
	notice, err := s.ReadNotification(<-synced)
	if want := (ports.Notice{Refund: "r", RefundRef: o.ProviderRef}); err != nil || notice != want {
		t.Errorf("notice %+v, %v; want %+v", notice, err, want)
	}
}

func TestRefund_Faults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		odds   Odds
		want   error // nil for an unknown outcome
		stored bool
	}{
		"lost response": {Odds{LoseResponses: 1}, nil, true},
		"cut off":       {Odds{TruncateResponses: 1}, nil, true},
		"lost request":  {Odds{LoseRequests: 1}, nil, false},
		"unavailable":   {Odds{Unavailable: 1}, ports.ErrNotSent, false},
		"busy":          {Odds{Busy: 1}, ports.ErrNotSent, false},
		"credentials":   {Odds{Credentials: 1}, ports.ErrCredentials, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{})
			r := charge("tok_ok")
			mustCharge(t, s, r)
			s.randomFault = tt.odds.faults()
			_, err := s.Refund(t.Context(), refundOf(r, "r", 1))
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && errors.Is(err, ports.ErrNotSent) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if _, err := findRefund(t, s, refundOf(r, "r", 1)); (err == nil) != tt.stored || !tt.stored && !errors.Is(err, ports.ErrRefundNotFound) {
				t.Errorf("found: %v, want it stored: %t", err, tt.stored)
			}
		})
	}
}
