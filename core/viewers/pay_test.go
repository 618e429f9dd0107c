package viewers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// pastDue subscribes the viewer, and stores that the renewal was declined and is on hold.
func (w world) pastDue() {
	w.T.Helper()
	s := w.MustSubscribe().Subscription
	w.Clock.Advance(s.Current.End.Sub(w.Clock.Now()))
	s.Status, s.Hold, s.NextChargeAt = billing.StatusPastDue, billing.CardExpired, time.Time{}
	s.PastDueSince, s.GraceUntil = s.Current.End, s.Current.End.Add(7*24*time.Hour)
	w.InTx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Save(ctx, s) })
}

func (p process) payKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.respond(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		return p.Pay(ctx, viewers.Pay{
			User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price, Request: r,
			Source: viewers.Source{PaymentSystem: billingtest.System, Token: billing.NewSecret("tok_new")},
		})
	})
}

func TestPay_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	const steps = 8 // before and after: the intent, the charge, its record, the response
	for _, m := range []billingtest.Fault{
		billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.Decline,
		billingtest.ConnectionRefused, billingtest.NeedsConfirmation,
	} {
		t.Run(fmt.Sprint(m), func(t *testing.T) {
			t.Parallel()
			atEveryStep(t, steps, func(t *testing.T, crash *billingtest.Crash) { crashOfPay(t, crash, m) })
		})
	}
}

// crashOfPay crashes a process, cleans up in another one, and repeats the request.
func crashOfPay(t *testing.T, crash *billingtest.Crash, m billingtest.Fault) {
	w := newWorld(t)
	w.pastDue()
	w.Provider.SetFault(m)
	_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).payKeyed(t.Context(), w.newRequest())
	w.Provider.SetFault(billingtest.NoFault)
	w.Provider.ConfirmAll()
	w.settleAll()
	first, err := w.Process().payKeyed(t.Context(), w.newRequest())
	if err != nil {
		t.Errorf("repeated request: %v", err)
	}
	second, err := w.Process().payKeyed(t.Context(), w.newRequest())
	if err != nil || first.Status != second.Status || string(first.Body) != string(second.Body) {
		t.Errorf("third request: %d %s, %v, want %d %s", second.Status, second.Body, err, first.Status, first.Body)
	}
	w.settleAll()
	w.ExpectReconciled()
	s, charges := w.Subscriptions()[0], len(w.Provider.Entries())
	switch {
	case charges == 2 && (s.Status != billing.StatusActive || s.Current.Start != s.AnchorAt.AddDate(0, 1, 0)),
		charges == 1 && (s.Status != billing.StatusPastDue || s.Hold != billing.CardExpired),
		charges > 2:
		t.Errorf("%d charges, but the subscription is %+v", charges, s.Subscription)
	}
	if paid := charges == 2; first.Status != 202 && paid != (first.Status == 200) {
		t.Errorf("paid: %t, but the response is %d %s", paid, first.Status, first.Body)
	}
}

// Declined own payments count in the limiter against card testing.
func TestPay_DeclinesAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pastDue()
	w.Provider.SetFault(billingtest.Decline)
	p := w.Process()
	p.Limits.Declines = billing.Limits{{Max: 3, Per: time.Hour}}
	pay := func() error {
		_, err := p.Pay(t.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price})
		return err
	}
	for range 3 {
		billingtest.ExpectError(t, pay(), billing.ErrPaymentDeclined)
	}
	billingtest.ExpectError(t, pay(), billing.ErrRateLimited)
	w.Clock.Advance(time.Hour + time.Minute)
	billingtest.ExpectError(t, pay(), billing.ErrPaymentDeclined)
}

// A card is charged with the CVV that the viewer types in, and then without it.
func TestPay_ByCard(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.pastDue()
	card := w.add(visa())
	v, err := w.process().Pay(t.Context(), viewers.Pay{
		User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price, Source: viewers.Source{Card: card.ID, CVV: billing.NewCVV("737")},
	})
	billingtest.ExpectError(t, err, nil)
	if v.Status != billing.StatusActive || len(w.Provider.Cards) != 1 {
		t.Errorf("the subscription is %+v; cards received: %v", v.Subscription, w.Provider.Cards)
	}
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		m, err := tx.Methods.Find(ctx, billingtest.Viewer, v.MethodID)
		if m.CardID != card.ID || m.Token.IsZero() || m.PaymentSystem != billingtest.System {
			t.Errorf("the method is %+v, want the card with a token", m)
		}
		return err
	})
}
