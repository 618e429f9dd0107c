package payments_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

var prepayment = billing.ReceiptTerms{Mode: billing.FullPrepayment, TaxSystem: 2}

func contact(text string) billing.Contact { return billing.Contact{Secret: billing.NewSecret(text)} }

// withReceipts makes the payment system need receipts, and subscribes [billingtest.Viewer].
func (w world) withReceipts() billing.Payment {
	w.T.Helper()
	w.Provider.Receipts = &prepayment
	cmd := billingtest.SubscribeBasic()
	cmd.Contact = contact("ann@example.com")
	if _, err := w.Process().Subscribe(w.T.Context(), cmd); err != nil {
		w.T.Fatal(err)
	}
	return w.Payments()[0]
}

// changeEverything gives the viewer another contact, and the plan another name and rate.
func (w world) changeEverything() {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		p, err := tx.Plans.Lock(ctx, "basic")
		if err != nil {
			return err
		}
		p.Name, p.VAT = "renamed", billing.VAT22
		other := billing.ReceiptContact{ID: billing.ContactID(w.NewID()), UserID: billingtest.Viewer, Contact: contact("79001234567")}
		return errors.Join(tx.Plans.Save(ctx, p), tx.Receipts.AddContact(ctx, other))
	})
	w.Provider.Receipts = &billing.ReceiptTerms{Mode: billing.FullPayment}
}

// expectReceipt expects that a receipt is the one of the first contact, plan and terms.
func (w world) expectReceipt(r *billing.Receipt) {
	w.T.Helper()
	if r == nil || r.Contact.Reveal() != "ann@example.com" || r.Item != "basic" || r.VAT != billing.NoVAT || r.Terms != prepayment {
		w.T.Errorf("the payment system received the receipt %+v, want that of the first contact, name, rate and terms", r)
	}
}

// sweepReceipts sweeps in a new process.
func (w world) sweepReceipts() (settled, pending int) {
	w.T.Helper()
	p := w.Process()
	systems, err := p.SystemsToSweepReceipts(w.T.Context())
	for _, system := range systems {
		swept, failed := p.SweepReceipts(w.T.Context(), system, 10, 2)
		s, left := swept.Count()
		settled, pending, err = settled+s, pending+left, errors.Join(err, failed)
	}
	if err != nil {
		w.T.Error(err)
	}
	return settled, pending
}

func (w world) receiptsOf(p billing.Payment) []billing.Receipt {
	w.T.Helper()
	list, err := w.Store.Views().Receipts(w.T.Context(), p.UserID, p.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}

func TestReceipt_RenewalSentAgainIsTheSame(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.withReceipts()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.RequestLost)
		_, _ = w.Renewer().Run(w.T.Context())
		w.changeEverything()
		w.Provider.SetFault(billingtest.NoFault)
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		requests := w.Provider.Requests()
		if len(requests) < 3 {
			w.T.Fatalf("%d charges, want the first one and the renewal twice", len(requests))
		}
		for _, r := range requests {
			w.expectReceipt(r.Receipt)
		}
		if s := w.Subscriptions()[0]; s.Status != billing.StatusActive {
			w.T.Errorf("the subscription is %s, want active", s.Status)
		}
	})
}

func TestReceipt_NewPaymentTakesToday(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.withReceipts()
		w.changeEverything()
		w.Clock.Advance(billingtest.Month)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		requests := w.Provider.Requests()
		r := requests[len(requests)-1].Receipt
		if r == nil || r.Contact.Reveal() != "79001234567" || r.Item != "renamed" || r.VAT != billing.VAT22 || r.Terms.Mode != billing.FullPayment {
			w.T.Errorf("the renewal has the receipt %+v, want that of today", r)
		}
	})
}

func TestReceipt_RefundHasThatOfItsPayment(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		p := w.withReceipts()
		w.changeEverything()
		w.mustRefund(p, nil)
		w.sweepRefunds()
		requests := w.Provider.RefundRequests()
		if len(requests) != 1 {
			w.T.Fatalf("%d refund requests, want one", len(requests))
		}
		w.expectReceipt(requests[0].Receipt)
		if list := w.receiptsOf(p); len(list) != 2 || !list[1].IsRefund() || list[1].ContactID != list[0].ContactID {
			w.T.Errorf("the receipts are %+v, want those of the payment and of the refund", list)
		}
	})
}

func TestReceipt_RefundOfPaymentWithoutReceipt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Provider.Receipts = &prepayment
		w.mustRefund(w.Payments()[0], nil)
		w.sweepRefunds()
		if r := w.Provider.RefundRequests()[0].Receipt; r != nil {
			w.T.Errorf("the refund has the receipt %+v, want none as its payment", r)
		}
	})
}

func TestReceipt_SweepRecordsStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []billing.ReceiptStatus{billing.ReceiptRegistered, billing.ReceiptFailed} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				p := w.withReceipts()
				w.mustRefund(p, nil)
				w.sweepRefunds()
				if settled, pending := w.sweepReceipts(); settled+pending != 0 {
					w.T.Errorf("%d receipts were looked up at once, want none", settled+pending)
				}
				w.Provider.ReceiptStatus = billing.ReceiptPending
				time.Sleep(time.Minute)
				if settled, pending := w.sweepReceipts(); settled != 0 || pending != 2 {
					w.T.Errorf("%d settled, %d pending, want 2 pending", settled, pending)
				}
				w.Provider.ReceiptStatus = status
				time.Sleep(10 * time.Minute)
				if settled, pending := w.sweepReceipts(); settled != 2 || pending != 0 {
					w.T.Errorf("%d settled, %d pending, want 2 settled", settled, pending)
				}
				for _, r := range w.receiptsOf(p) {
					if r.Status != status || r.SettledAt.IsZero() {
						w.T.Errorf("receipt %s is %s, want %s", r.ID, r.Status, status)
					}
				}
				list, stored := w.refundsOf(p)
				if stored.Status != billing.PaymentSucceeded || list[0].Status != billing.PaymentSucceeded {
					w.T.Errorf("the payment is %s, the refund %s, want both succeeded", stored.Status, list[0].Status)
				}
			})
		})
	}
}

// A pending receipt is looked up less and less often.
func TestReceipt_LookupsGrowRare(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.withReceipts()
		lookups := 0
		w.Provider.OnFind = func() { lookups++ }
		for range 3 * 24 * 60 {
			time.Sleep(time.Minute)
			w.sweepReceipts()
		}
		if lookups < 15 || lookups > 40 {
			w.T.Errorf("%d lookups in three days, want some 25", lookups)
		}
	})
}

// Without money no receipt is due. The receipt waits until the payment cannot turn out to be
// charged after all.
func TestReceipt_VoidWithoutMoney(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.Receipts = &prepayment
		w.Provider.SetFault(billingtest.Decline)
		cmd := billingtest.SubscribeBasic()
		cmd.Contact = contact("ann@example.com")
		_, err := w.Process().Subscribe(w.T.Context(), cmd)
		var declined *billing.DeclinedError
		if !errors.As(err, &declined) {
			w.T.Fatalf("subscribe: %v, want a decline", err)
		}
		time.Sleep(47 * time.Hour)
		w.sweepReceipts()
		if r := w.receiptsOf(w.Payments()[0]); len(r) != 1 || r[0].Status != billing.ReceiptPending {
			w.T.Errorf("the receipts are %+v, want one pending", r)
		}
		time.Sleep(7 * time.Hour)
		w.sweepReceipts()
		if r := w.receiptsOf(w.Payments()[0]); r[0].Status != billing.ReceiptVoid {
			w.T.Errorf("the receipt is %s, want void", r[0].Status)
		}
	})
}
