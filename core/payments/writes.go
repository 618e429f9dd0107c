package payments

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// writes collects the changes of a transaction, so that each kind is written by
// one statement.
type writes struct {
	subscriptions []ports.Versioned[billing.Subscription]
	payments      []ports.Versioned[billing.Payment]
	terms         []billing.Subscription // their terms or anchors have changed
	periods       []billing.Payment      // their periods have changed
	reviewed      []billing.Payment      // see [ports.Payments.SaveReview]
	refunds       []billing.Refund       // of payments that were charged after they were given up
	abandoned     []ports.PaymentKey     // without an answer of the payment system
	events        []billing.Event
	pending       []ports.PaymentKey                  // released to the sweep; the charge may have been sent
	unsent        map[ports.Unsent][]ports.PaymentKey // released; this attempt did not send the charge
	tokens        []methodToken                       // received from payment systems
}

type methodToken struct {
	user   billing.UserID
	method billing.PaymentMethodID
	token  billing.Secret
}

// newWrites allocates for the usual case: one change of each kind per payment.
func newWrites(n int) writes {
	return writes{
		subscriptions: make([]ports.Versioned[billing.Subscription], 0, n),
		payments:      make([]ports.Versioned[billing.Payment], 0, n),
		events:        make([]billing.Event, 0, n),
	}
}

// settle adds the changes that the outcome of a causes. It keeps pointers into the
// slices, which never grow beyond the capacity that newWrites gave them.
func (w *writes) settle(old stored, a *Attempt, retries billing.RetrySchedule, cal billing.Calendar, now time.Time) Result {
	sub, pay := old.subscription, old.payment
	if a.Known() {
		if old.method != nil && pay.ActionURL == "" && old.method.Retired() == billing.MethodRemoved {
			a.outcome.ActionURL, a.outcome.ActionExpiresAt = "", time.Time{} // the removal was perhaps confirmed, so the viewer must not confirm the payment
		}
		s, p, events := sub.Settle(*pay, a.outcome, retries, cal, now)
		if old.method != nil && !pay.Settled() && p.Status == billing.PaymentSucceeded {
			s, events = stopRetired(s, events, *old.method, !a.outcome.Token.IsZero(), now)
		}
		w.events = append(w.events, events...)
		if p != *pay {
			w.payments = append(w.payments, ports.Versioned[billing.Payment]{Record: p, Version: old.version})
			if p.Period != pay.Period {
				w.periods = append(w.periods, p)
			}
			late := p.ChargedLateAt != pay.ChargedLateAt
			if late {
				w.refundLate(s, p, now)
			}
			if late || p.ActionExpiresAt != pay.ActionExpiresAt {
				w.reviewed = append(w.reviewed, p)
			}
			if !pay.Settled() && p.NeedsRecheck() {
				w.abandoned = append(w.abandoned, ports.KeyOf(&p))
			}
			pay = &w.payments[len(w.payments)-1].Record
		}
		if s != *sub {
			w.subscriptions = append(w.subscriptions, ports.Versioned[billing.Subscription]{Record: s, Version: old.version})
			if s.Terms() != sub.Terms() || s.ConsentMAC != sub.ConsentMAC || s.AnchorAt != sub.AnchorAt {
				w.terms = append(w.terms, s)
			}
			sub = &w.subscriptions[len(w.subscriptions)-1].Record
		}
	}
	if pay.Status == billing.PaymentSucceeded && pay != old.payment && !a.outcome.Token.IsZero() {
		w.tokens = append(w.tokens, methodToken{pay.UserID, pay.MethodID, a.outcome.Token})
	}
	switch {
	case pay.Settled():
	case a.Unsent() && (a.firstSent.IsZero() || !a.sweep):
		if w.unsent == nil {
			w.unsent = make(map[ports.Unsent][]ports.PaymentKey)
		}
		u := ports.Unsent{Never: a.firstSent.IsZero(), Swept: a.sweep}
		w.unsent[u] = append(w.unsent[u], ports.KeyOf(pay))
	case a.sweep:
	default:
		w.pending = append(w.pending, ports.KeyOf(pay))
	}
	isNew := pay.Settled() && !old.payment.Settled() || !pay.Settled() && !a.sweep
	return Result{sub, pay, a.err, isNew}
}

// refundLate opens the refund of a payment that was charged too late.
func (w *writes) refundLate(s billing.Subscription, p billing.Payment, now time.Time) {
	if _, refund, events, ok := s.RefundLate(p, now); ok {
		w.refunds, w.events = append(w.refunds, refund), append(w.events, events...)
	}
}

// stopRetired cancels a subscription whose first payment is settled, but whose method
// cannot be charged again. It adds the events.
func stopRetired(s billing.Subscription, events []billing.Event, m billing.PaymentMethod, saved bool, now time.Time) (billing.Subscription, []billing.Event) {
	reason := m.Retired()
	if reason == "" || saved && reason == billing.MethodNotSaved {
		return s, events
	}
	s, stopped := s.StopRenewal(reason, now)
	return s, append(events, stopped...)
}

// apply writes subscriptions before payments, in the order in which they are
// locked. It writes events first: their foreign key needs no second lock while the
// subscription is locked and not yet written.
func (w *writes) apply(ctx context.Context, tx ports.Repos) error {
	if err := tx.Events.Append(ctx, w.events...); err != nil {
		return err
	}
	if err := tx.Subscriptions.SaveIfUnchanged(ctx, w.subscriptions...); err != nil {
		return err
	}
	if err := tx.Subscriptions.SaveTerms(ctx, w.terms...); err != nil {
		return err
	}
	if err := tx.Payments.SaveIfUnchanged(ctx, w.payments...); err != nil {
		return err
	}
	if err := tx.Payments.SavePeriod(ctx, w.periods...); err != nil {
		return err
	}
	if err := tx.Payments.SaveReview(ctx, w.reviewed...); err != nil {
		return err
	}
	if err := addRefunds(ctx, tx, w.refunds...); err != nil {
		return err
	}
	if err := tx.Rechecks.Schedule(ctx, billing.RecheckAfter(0), 0, w.abandoned...); err != nil {
		return err
	}
	if err := tx.Leases.ReleaseSweep(ctx, w.pending...); err != nil {
		return err
	}
	for u, keys := range w.unsent {
		if err := tx.Leases.ReleaseUnsent(ctx, u, keys...); err != nil {
			return err
		}
	}
	for _, t := range w.tokens {
		if err := tx.Methods.SetToken(ctx, t.user, t.method, t.token); err != nil {
			return err
		}
	}
	return nil
}
