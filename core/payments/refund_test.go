package payments_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// refund opens a refund of a payment in a new process.
func (w world) refund(p billing.Payment, change func(*billing.RefundRequest)) (billing.Refund, error) {
	w.T.Helper()
	r := billing.RefundRequest{Payment: p, By: "ann", Reason: "ticket 4711"}
	if change != nil {
		change(&r)
	}
	return ports.InTx(w.T.Context(), w.Store, func(tx ports.Repos) (billing.Refund, error) {
		return w.Process().OpenRefund(w.T.Context(), tx, r)
	})
}

func (w world) mustRefund(p billing.Payment, change func(*billing.RefundRequest)) billing.Refund {
	w.T.Helper()
	r, err := w.refund(p, change)
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// sweepRefunds sweeps in a new process.
func (w world) sweepRefunds() {
	w.T.Helper()
	if _, err := w.Process().SweepRefunds(w.T.Context()); err != nil {
		w.T.Errorf("sweep the refunds: %v", err)
	}
}

// refundsOf returns the stored refunds of a payment, and the payment.
func (w world) refundsOf(p billing.Payment) ([]billing.Refund, billing.Payment) {
	w.T.Helper()
	list, err := w.Store.Views().Refunds(w.T.Context(), p.UserID, p.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	stored, err := w.Store.Views().Payment(w.T.Context(), p.UserID, p.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return list, stored
}

// expectRefund expects that the only refund of a payment has a status, that its amount is
// reserved or not, and how many refunds the payment system has.
func (w world) expectRefund(p billing.Payment, status billing.PaymentStatus, refunded int64, there int) billing.Refund {
	w.T.Helper()
	list, stored := w.refundsOf(p)
	if len(list) != 1 {
		w.T.Fatalf("%d refunds, want one: %+v", len(list), list)
	}
	if got := w.Provider.RefundEntries(); list[0].Status != status || stored.Refunded != refunded || len(got) != there {
		w.T.Errorf("the refund is %s, %d are reserved, and the payment system has %d; want %s, %d and %d", list[0].Status, stored.Refunded, len(got), status, refunded, there)
	}
	return list[0]
}

// expectWholeRefund expects that the whole amount of a late charge goes back.
func (w world) expectWholeRefund(p billing.Payment) {
	w.T.Helper()
	list, stored := w.refundsOf(p)
	if len(list) != 1 || list[0].Amount != p.Amount || list[0].By != billing.ByService || stored.Refunded != p.Amount.Amount || stored.ChargedLateAt.IsZero() {
		w.T.Errorf("the refunds of the late charge are %+v, %d of it reserved; want its whole amount", list, stored.Refunded)
	}
}

func TestSweepRefunds_PaysBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.MustSubscribe()
	p := w.Payments()[0]
	r := w.mustRefund(p, func(r *billing.RefundRequest) { r.Amount = billingtest.Rubles(100_00) })
	if len(w.Provider.RefundRequests()) != 0 {
		t.Error("opening a refund calls the payment system")
	}
	if _, err := w.refund(p, nil); !errors.Is(err, billing.ErrRefundOpen) {
		t.Errorf("another refund meanwhile: %v, want refund_open", err)
	}
	w.sweepRefunds()
	got := w.expectRefund(p, billing.PaymentSucceeded, 100_00, 1)
	want := ports.RefundRequest{Key: r.ID, Payment: p.ID, PaymentRef: p.ProviderRef, Amount: r.Amount}
	if sent := w.Provider.RefundRequests(); len(sent) != 1 || sent[0] != want {
		t.Errorf("sent %+v, want %+v", sent, want)
	}
	if got.ProviderRef != "re-"+string(r.ID) || !got.SettledAt.Equal(w.Clock.Now()) {
		t.Errorf("refund %+v", got)
	}
	w.sweepRefunds()
	w.ExpectHistory(billing.EventSubscribed, billing.EventRefundRequested, billing.EventRefunded)
	if s := w.Subscriptions()[0]; s.Subscription != before.Subscription {
		t.Errorf("the subscription is %+v, want it unchanged", s)
	}
	if _, err := w.refund(p, func(r *billing.RefundRequest) { r.Amount = billingtest.Rubles(299_01) }); !errors.Is(err, billing.ErrRefundExceedsPayment) {
		t.Errorf("a refund of more than the rest: %v", err)
	}
	w.mustRefund(p, nil)
	w.sweepRefunds()
	if _, stored := w.refundsOf(p); stored.Refunded != p.Amount.Amount || len(w.Provider.RefundEntries()) != 2 {
		t.Errorf("%d of %s refunded by %d refunds, want all by two", stored.Refunded, p.Amount, len(w.Provider.RefundEntries()))
	}
	w.ExpectReconciled()
}

// Whatever becomes of a call, the money goes back once.
func TestSweepRefunds_Faults(t *testing.T) {
	t.Parallel()
	const settling = time.Minute
	for name, tt := range map[string]struct {
		fault billingtest.Fault
		sent  int // until it is settled
		there int // before the repetition
	}{
		"response lost":       {billingtest.ResponseLost, 1, 1},
		"hangs after":         {billingtest.HangsAfterCharge, 1, 1},
		"request lost":        {billingtest.RequestLost, 2, 0},
		"hangs before":        {billingtest.HangsBeforeCharge, 2, 0},
		"connection refused":  {billingtest.ConnectionRefused, 2, 0},
		"credentials refused": {billingtest.BadCredentials, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.KeyLimits.Settling = settling
				w.MustSubscribe()
				p := w.Payments()[0]
				w.mustRefund(p, nil)
				w.Provider.SetRefundFault(tt.fault)
				w.sweepRefunds()
				w.expectRefund(p, billing.PaymentPending, p.Amount.Amount, tt.there)
				w.Provider.SetRefundFault(billingtest.NoFault)
				for range 12 {
					time.Sleep(20 * time.Second)
					w.sweepRefunds()
				}
				w.expectRefund(p, billing.PaymentSucceeded, p.Amount.Amount, 1)
				sent := w.Provider.RefundRequests()
				if len(sent) != tt.sent {
					w.T.Errorf("%d requests, want %d", len(sent), tt.sent)
				}
				for _, r := range sent {
					if r.Key != sent[0].Key {
						w.T.Errorf("the keys are %s and %s, want one key", sent[0].Key, r.Key)
					}
				}
			})
		})
	}
}

func TestSweepRefunds_Refused(t *testing.T) {
	t.Parallel()
	for fault, status := range map[billingtest.Fault]billing.PaymentStatus{
		billingtest.Decline: billing.PaymentDeclined, billingtest.RequestRefused: billing.PaymentAbandoned,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.MustSubscribe()
			p := w.Payments()[0]
			w.mustRefund(p, nil)
			w.Provider.SetRefundFault(fault)
			w.sweepRefunds()
			list, stored := w.refundsOf(p)
			if list[0].Status != status || stored.Refunded != 0 {
				t.Errorf("the refund is %s, %d are reserved; want %s and 0", list[0].Status, stored.Refunded, status)
			}
			w.ExpectHistory(billing.EventSubscribed, billing.EventRefundRequested, billing.EventRefundFailed)
			w.Provider.SetRefundFault(billingtest.NoFault)
			w.mustRefund(p, nil)
			w.sweepRefunds()
			if list, _ := w.refundsOf(p); list[1].Status != billing.PaymentSucceeded {
				t.Errorf("another refund is %s, want succeeded", list[1].Status)
			}
		})
	}
}

func TestSweepRefunds_SettlesDaysLater(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		p := w.Payments()[0]
		r := w.mustRefund(p, nil)
		w.Provider.SetRefundFault(billingtest.NeedsConfirmation)
		w.sweepRefunds()
		for range 5 {
			time.Sleep(24 * time.Hour)
			w.sweepRefunds()
		}
		w.expectRefund(p, billing.PaymentPending, p.Amount.Amount, 1)
		w.Provider.SettleRefunds(billing.PaymentSucceeded)
		time.Sleep(time.Hour)
		w.sweepRefunds()
		w.expectRefund(p, billing.PaymentSucceeded, p.Amount.Amount, 1)

		w.Provider.FailRefunds() // weeks later
		time.Sleep(time.Hour)
		w.sweepRefunds()
		w.expectRefund(p, billing.PaymentSucceeded, p.Amount.Amount, 1) // nothing says that it changed
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			found, err := tx.Notices.LookUpNow(ctx, w.Provider.Code, ports.Notice{Refund: r.ID})
			if !found {
				w.T.Error("the notification names no refund")
			}
			return err
		})
		w.sweepRefunds()
		w.expectRefund(p, billing.PaymentDeclined, 0, 1)
		w.ExpectHistory(billing.EventSubscribed, billing.EventRefundRequested, billing.EventRefunded, billing.EventRefundFailed)
		w.sweepRefunds()
		if n := len(w.Provider.RefundRequests()); n != 1 {
			w.T.Errorf("%d requests, want 1", n)
		}
	})
}

// A notification may write the reference in another way than it is stored.
func TestNotified_CleansReferenceOfRefund(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	r := w.mustRefund(w.Payments()[0], nil)
	w.sweepRefunds()
	w.Provider.FailRefunds()
	c := w.Process().Collector
	c.Listeners = map[string]ports.Listener{billingtest.System: listener{notice: ports.Notice{RefundRef: " re-" + string(r.ID) + "\n"}}}
	if err := c.Notified(t.Context(), billingtest.System, ports.Notification{}); err != nil {
		t.Fatal(err)
	}
	w.sweepRefunds()
	w.expectRefund(w.Payments()[0], billing.PaymentDeclined, 0, 1)
}

// A refund that the payment system may have forgotten is never sent again, because the
// same key could pay back twice.
func TestSweepRefunds_ForgottenKey(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.KeyLimits = billing.KeyLimits{Settling: time.Minute, Horizon: 23 * time.Hour}
		w.MustSubscribe()
		p := w.Payments()[0]
		w.mustRefund(p, nil)
		w.Provider.SetRefundFault(billingtest.RequestLost)
		w.sweepRefunds()
		time.Sleep(25 * time.Hour)
		for range 3 {
			w.sweepRefunds()
			time.Sleep(time.Hour)
		}
		r := w.expectRefund(p, billing.PaymentPending, p.Amount.Amount, 0)
		if !r.NeedsReview() || len(w.Provider.RefundRequests()) != 1 {
			w.T.Errorf("the refund waits for a person: %t, %d requests; want one that is not sent again", r.NeedsReview(), len(w.Provider.RefundRequests()))
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventRefundRequested, billing.EventRefundNeedsReview)
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			_, after, err := w.Process().DecideRefund(ctx, tx, r, billing.PaymentAbandoned)
			if after.Status != billing.PaymentAbandoned {
				w.T.Errorf("decided as %s, want abandoned", after.Status)
			}
			return err
		})
		w.expectRefund(p, billing.PaymentAbandoned, 0, 0)
	})
}

// While nothing reaches the payment system, it can forget nothing.
func TestSweepRefunds_NeverSentIsNotForgotten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.KeyLimits.Horizon = 23 * time.Hour
		w.MustSubscribe()
		p := w.Payments()[0]
		w.mustRefund(p, nil)
		w.Provider.SetRefundFault(billingtest.ConnectionRefused)
		for range 30 {
			w.sweepRefunds()
			time.Sleep(time.Hour)
		}
		w.Provider.SetRefundFault(billingtest.NoFault)
		w.sweepRefunds()
		w.expectRefund(p, billing.PaymentSucceeded, p.Amount.Amount, 1)
	})
}

func TestDecideRefund_OnlyForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	r := w.mustRefund(w.Payments()[0], nil)
	err := w.Store.InTx(t.Context(), func(tx ports.Repos) error {
		_, _, err := w.Process().DecideRefund(t.Context(), tx, r, billing.PaymentSucceeded)
		return err
	})
	billingtest.ExpectError(t, err, billing.ErrInvalidTransition)
}

func TestSweepRefunds_ManyAtOnceSendOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	p := w.Payments()[0]
	w.mustRefund(p, nil)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { _, _ = w.Process().SweepRefunds(t.Context()) })
	}
	wg.Wait()
	w.expectRefund(p, billing.PaymentSucceeded, p.Amount.Amount, 1)
	if n := len(w.Provider.RefundRequests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestSweepRefunds_EndNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	w.mustRefund(w.Payments()[0], func(r *billing.RefundRequest) { r.EndNow = true })
	w.sweepRefunds()
	if s := w.Subscriptions()[0]; s.Status != billing.StatusEnded {
		t.Errorf("the subscription is %s, want ended", s.Status)
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventRefundRequested, billing.EventCancelRequested, billing.EventEnded, billing.EventRefunded)
}

// A renewal that is at the payment system settles first. If it was paid, it goes back too.
func TestSweepRefunds_EndNowWhileRenewing(t *testing.T) {
	t.Parallel()
	for name, found := range map[string]bool{"paid": true, "never received": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				first := w.Payments()[0]
				w.Clock.Advance(billingtest.Month)
				fault := billingtest.RequestLost
				if found {
					fault = billingtest.ResponseLost
				}
				w.Provider.SetFault(fault)
				_, _ = w.RenewerOver(w.Store, findFunc{w.Provider, func(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
					return billing.Outcome{}, billingtest.ErrLost
				}}).Run(w.T.Context())
				w.Provider.SetFault(billingtest.NoFault)
				w.mustRefund(first, func(r *billing.RefundRequest) { r.EndNow = true })
				w.sweepRefunds()
				if n := len(w.Provider.RefundRequests()); n != 0 || !w.Subscriptions()[0].CancelAtPeriodEnd {
					w.T.Errorf("%d refunds sent, cancelled %t; want none yet, and cancelled", n, w.Subscriptions()[0].CancelAtPeriodEnd)
				}
				time.Sleep(time.Minute)
				w.ExpectSweep(1, 0)
				for range 3 {
					time.Sleep(time.Minute)
					w.sweepRefunds()
				}
				if s := w.Subscriptions()[0]; s.Status != billing.StatusEnded {
					w.T.Errorf("the subscription is %s, want ended", s.Status)
				}
				var back int64
				for _, e := range w.Provider.RefundEntries() {
					back += e.Amount.Amount
				}
				var taken int64
				for _, e := range w.Provider.Entries() {
					taken += e.Amount.Amount
				}
				if back != taken {
					w.T.Errorf("%d were paid back of %d, want all", back, taken)
				}
				w.ExpectReconciled()
			})
		})
	}
}

func TestOpenRefund_UnknownPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	p := w.Payments()[0]
	p.ID = "other"
	_, err := w.refund(p, nil)
	billingtest.ExpectError(t, err, billing.ErrPaymentNotFound)
}
