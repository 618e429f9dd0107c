package viewers_test

import (
	"context"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// onPage subscribes without a token or a card.
func onPage() viewers.Subscribe {
	cmd := billingtest.SubscribeBasic()
	cmd.Token, cmd.ReturnURL = billing.Secret{}, "https://cinema.example/done"
	return cmd
}

func TestSubscribe_OnPage(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		v, err := w.Process().Subscribe(w.T.Context(), onPage())
		if err != nil || v.Status != billing.StatusIncomplete || v.Latest.ActionURL != "https://bank.example/pay" {
			w.T.Fatalf("the subscription is %s with the page %q, %v; want incomplete with the payment system's page", v.Status, v.Latest.ActionURL, err)
		}
		if until := time.Now().Add(billingtest.PageTTL); !v.Latest.ActionExpiresAt.Equal(until) {
			w.T.Errorf("the page is open until %s, want %s", v.Latest.ActionExpiresAt, until)
		}
		if r := w.Provider.Requests()[0]; r.ReturnURL != "https://cinema.example/done" || r.Payer != billingtest.Viewer {
			w.T.Errorf("the payment system received %+v, want the return address and the payer", r)
		}
		w.Provider.ConfirmAll()
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
		if p := w.Payments()[0]; p.ActionURL != "" || !p.ActionExpiresAt.IsZero() {
			w.T.Errorf("the paid payment has the page %q until %s", p.ActionURL, p.ActionExpiresAt)
		}
		w.Clock.Advance(billingtest.Month)
		if sum, err := w.Renewer().Run(w.T.Context()); sum != (ports.Summary{Due: 1, Renewed: 1}) || err != nil {
			w.T.Errorf("the run returns %+v, %v; want a renewal by the token of the page", sum, err)
		}
		all := w.Provider.Requests()
		if renewal := all[len(all)-1]; renewal.Token.Reveal() != "tok_for_"+string(all[0].Key) {
			w.T.Error("the renewal was not charged to the token that the page gave")
		}
		w.ExpectReconciled()
	})
}

// The viewer leaves the page, or the payment system saves nothing there.
func TestSubscribe_OnPageWithoutToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ends   func(*billingtest.FakeProvider)
		status billing.Status
		method billing.DeclineCode
	}{
		"left":      {(*billingtest.FakeProvider).DeclineAll, billing.StatusEnded, billing.MethodNotSaved},
		"not saved": {(*billingtest.FakeProvider).ConfirmAll, billing.StatusActive, billing.MethodNotSaved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			billingtest.InBubble(t, func(w billingtest.World) {
				w.Provider.SetFault(billingtest.CardNotSaved)
				if _, err := w.Process().Subscribe(w.T.Context(), onPage()); err != nil {
					w.T.Fatal(err)
				}
				tt.ends(w.Provider)
				time.Sleep(billingtest.PastSendWindow)
				w.ExpectSweep(1, 0)
				s := w.Subscriptions()[0]
				if s.Status != tt.status || s.Live() && !s.CancelAtPeriodEnd {
					w.T.Errorf("the subscription is %s, cancelled %t; want %s, and no renewal", s.Status, s.CancelAtPeriodEnd, tt.status)
				}
				w.InTx(func(ctx context.Context, tx ports.Repos) error {
					m, err := tx.Methods.Find(ctx, billingtest.Viewer, s.MethodID)
					if m.Retired() != tt.method || !m.FromPage {
						w.T.Errorf("the method is %+v, want of a page and retired as %s", m, tt.method)
					}
					return err
				})
			})
		})
	}
}

// A viewer whose renewal was declined pays with another card, on the page.
func TestPay_OnPage(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		before := w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.Decline)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		w.Provider.SetFault(billingtest.NoFault)
		v, err := w.Process().Pay(w.T.Context(), viewers.Pay{
			User: billingtest.Viewer, Ref: "basic", Price: before.Price, Source: viewers.Source{PaymentSystem: w.Provider.Code},
		})
		if err != nil || v.Status != billing.StatusPastDue || v.Latest.ActionURL == "" {
			w.T.Fatalf("pay: %s with the page %q, %v; want past due with the page", v.Status, v.Latest.ActionURL, err)
		}
		w.Provider.ConfirmAll()
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		s := w.Subscriptions()[0]
		if s.Status != billing.StatusActive || s.MethodID == before.MethodID {
			w.T.Errorf("the subscription is %s with the method %s, want active with the new method", s.Status, s.MethodID)
		}
	})
}

// onlyTokens is a payment system without a page.
type onlyTokens struct{ ports.Provider }

func (onlyTokens) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

func TestSubscribe_PageNotSupported(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		_, err := w.ProcessOver(w.Store, onlyTokens{w.Provider}).Subscribe(w.T.Context(), onPage())
		billingtest.ExpectError(w.T, err, billing.ErrNotSupported)
		if n := len(w.Subscriptions()); n != 0 {
			w.T.Errorf("%d subscriptions are stored, want none", n)
		}
	})
}

// A viewer removes the method of an open page, and pays there nevertheless. The payment
// counts, but no renewal charges the removed method.
func TestPay_OnPageOfRemovedMethod(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		if _, err := w.Process().Subscribe(w.T.Context(), onPage()); err != nil {
			w.T.Fatal(err)
		}
		r := ports.MethodRemoval{User: billingtest.Viewer, Method: w.Subscriptions()[0].MethodID}
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			list, err := tx.Methods.LockForRemoval(ctx, r)
			if err != nil {
				return err
			}
			return tx.Methods.Remove(ctx, r, list[0].Remove(w.Clock.Now()))
		})
		w.Provider.ConfirmAll()
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		if s := w.Subscriptions()[0]; s.Status != billing.StatusActive || !s.CancelAtPeriodEnd {
			w.T.Errorf("the subscription is %s, cancelled %t; want active until its period ends", s.Status, s.CancelAtPeriodEnd)
		}
	})
}
