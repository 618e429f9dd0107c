package renewals_test

import (
	"context"
	"errors"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// edit changes the stored subscription of a user, as a person with access to the
// database can.
func (w world) edit(user billing.UserID, change func(*billing.Subscription)) {
	w.T.Helper()
	s := w.subscriptionOf(user).Subscription
	change(&s)
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		return errors.Join(tx.Subscriptions.Save(ctx, s), tx.Subscriptions.SaveTerms(ctx, s))
	})
}

func raisePrice(s *billing.Subscription)      { s.Price.Amount = 99_999_00 }
func restorePrice(s *billing.Subscription)    { s.Price = billingtest.Price }
func removeSignature(s *billing.Subscription) { s.ConsentMAC = "" }

func TestRun_NeverChargesForgedConsent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		forge    func(*billing.Subscription)
		required bool
		want     ports.Summary
		found    map[payments.ConsentFinding]int
	}{
		{"price raised", raisePrice, true, ports.Summary{Due: 8, Renewed: 5, Failed: 3}, map[payments.ConsentFinding]int{payments.ConsentForged: 3}},
		{"price raised, signature optional", raisePrice, false, ports.Summary{Due: 8, Renewed: 5, Failed: 3}, map[payments.ConsentFinding]int{payments.ConsentForged: 3}},
		{"no signature", removeSignature, true, ports.Summary{Due: 8, Renewed: 5, Failed: 3}, map[payments.ConsentFinding]int{payments.ConsentMissing: 3}},
		{"no signature, signature optional", removeSignature, false, ports.Summary{Due: 8, Renewed: 8}, map[payments.ConsentFinding]int{payments.ConsentUnsigned: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(8)
				for _, u := range users[:3] {
					w.edit(u, tt.forge)
				}
				w.Clock.Advance(billingtest.Month)
				r, found := w.Renewer(), make(map[payments.ConsentFinding]int)
				r.Concurrency = 1 // the first batches have one subscription
				r.Collector.Consents.Required = func() bool { return tt.required }
				r.Collector.Consents.Watch = func(f payments.ConsentFinding, n int) { found[f] += n }
				w.expectRunOf(r, tt.want, nil)
				w.ExpectCharges(8 + tt.want.Renewed)
				for f, n := range tt.found {
					if found[f] != n || len(found) != 1 {
						w.T.Errorf("the findings are %v, want %v", found, tt.found)
					}
				}
				w.expectAll(users, billing.StatusActive)
			})
		})
	}
}

// The subscription stays due until its terms are those of its signature again.
func TestRun_ChargesAfterTermsAreRestored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(2)
		w.edit(users[0], raisePrice)
		w.Clock.Advance(billingtest.Month)
		w.expectRun(ports.Summary{Due: 2, Renewed: 1, Failed: 1})
		w.expectRun(ports.Summary{Due: 1, Failed: 1})
		w.edit(users[0], restorePrice)
		w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		w.expectPaid(users, 2)
	})
}

func TestPlan_SaysWhatRunRefuses(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(4)
		for _, u := range users[:2] {
			w.edit(u, raisePrice)
		}
		w.Clock.Advance(billingtest.Month)
		r := w.Renewer()
		r.Limit = 1
		var refused, billed int
		err := r.Plan(w.T.Context(), func(d renewals.Decision) error {
			if d.Obstacle == renewals.NoConsent {
				refused++
			}
			if d.Billed {
				billed++
			}
			return nil
		})
		if err != nil || refused != 2 || billed != 1 {
			w.T.Errorf("Plan refuses %d and bills %d, %v, want 2 and 1", refused, billed, err)
		}
		w.expectRunOf(r, ports.Summary{Due: 3, Renewed: 1, Failed: 2}, nil)
	})
}

// With the keyset of another installation, a run must not try every subscription.
func TestRun_StopsIfNoConsentIsValid(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(300)
		w.Clock.Advance(billingtest.Month)
		w.Keys = billingtest.Authenticator("other key")
		got, err := w.Renewer().Run(w.T.Context())
		if err == nil || got.Failed < 200 || got.Failed > 250 || got.Renewed > 0 {
			w.T.Errorf("Run = %+v, %v, want it to stop after 200", got, err)
		}
		w.ExpectCharges(300)
	})
}
