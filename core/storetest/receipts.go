package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var receiptCases = []testCase{
	{"the newest contact of a viewer counts", func(w *world) {
		d, other := w.paid(), w.paid()
		same(w, "facts without a contact", w.receiptFacts(d), ports.ReceiptFacts{Plan: w.plan.Name, VAT: w.plan.VAT})
		first := w.addContact(d, "ann@example.com")
		second := w.addContact(d, "79001234567")
		w.addContact(other, "bob@example.com")
		w.wantContact(w.receiptFacts(d).Contact, second)
		w.addContact(d, "ann@example.com")
		if got := w.receiptFacts(d).Contact; got.ID == first.ID || got.Contact.Reveal() != "ann@example.com" {
			w.Errorf("the newest contact is %s, want the last one", got.ID)
		}
	}},
	{"the facts are in the order of the queries", func(w *world) {
		d, other := w.paid(), w.paid()
		c := w.addContact(other, "bob@example.com")
		plus := w.addPlan("plus")
		var facts []ports.ReceiptFacts
		w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
			facts, err = tx.Receipts.Facts(ctx, ports.ReceiptQuery{User: other.pay.UserID, Plan: plus.ID},
				ports.ReceiptQuery{User: d.pay.UserID, Plan: w.plan.ID}, ports.ReceiptQuery{User: other.pay.UserID, Plan: w.plan.ID})
			return err
		})
		if len(facts) != 3 || facts[0].Plan != plus.Name || facts[1].Plan != w.plan.Name || facts[2].Plan != w.plan.Name {
			w.Fatalf("the facts are %+v", facts)
		}
		w.wantContact(facts[0].Contact, c)
		w.wantContact(facts[1].Contact, billing.ReceiptContact{})
		w.wantContact(facts[2].Contact, c)
	}},
	{"a receipt is stored with every field, and keeps its contact", func(w *world) {
		d := w.paid()
		c := w.addContact(d, "ann@example.com")
		r := w.addReceipt(d, c)
		w.addContact(d, "bob@example.com")
		p := w.plan
		p.Name, p.VAT = "another", billing.VAT22
		w.must(w.savePlan(p))
		found := w.findReceipts(r)
		if len(found) != 1 || found[0].Contact.Reveal() != "ann@example.com" {
			w.Fatalf("found %+v, want one receipt with the first contact", found)
		}
		found[0].Contact = billing.Contact{}
		same(w, "the receipt", found[0], r)
		same(w, "the view", w.viewReceipts(d), []billing.Receipt{r})
		r.UserID = newIDOf[billing.UserID]()
		sameList(w, "found for another user", w.findReceipts(r), nil)
	}},
	{"a receipt is added once", func(w *world) {
		d := w.paid()
		r := w.addReceipt(d, w.addContact(d, "ann@example.com"))
		if err := w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.Add(ctx, r) }); err == nil {
			w.Error("a second receipt of the same payment was added")
		}
		same(w, "the view", w.viewReceipts(d), []billing.Receipt{r})
	}},
	{"a receipt needs a stored payment and a stored contact", func(w *world) {
		d := w.paid()
		c := w.addContact(d, "ann@example.com")
		for _, change := range []func(*billing.Receipt){
			func(r *billing.Receipt) { r.PaymentID = newIDOf[billing.PaymentID]() },
			func(r *billing.Receipt) { r.ContactID = newIDOf[billing.ContactID]() },
		} {
			r := newReceipt(d, c)
			change(&r)
			if err := w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.Add(ctx, r) }); err == nil {
				w.Errorf("receipt %+v was added", r)
			}
		}
	}},
	{"a receipt of a refund belongs to the payment", func(w *world) {
		d := w.paid()
		r := w.addReceipt(d, w.addContact(d, "ann@example.com"))
		f := d.refund(100)
		f.CreatedAt = noon.Add(time.Hour)
		w.must(w.addRefund(f))
		refund := r.Refund(f)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.Add(ctx, refund) })
		same(w, "the view", w.viewReceipts(d), []billing.Receipt{r, refund})
	}},
	{"the first final status stays", func(w *world) {
		d := w.paid()
		r := w.addReceipt(d, w.addContact(d, "ann@example.com"))
		r.Status, r.SettledAt = billing.ReceiptRegistered, noon.Add(time.Minute)
		w.saveReceipt(r)
		same(w, "the view", w.viewReceipts(d), []billing.Receipt{r})
		failed := r
		failed.Status = billing.ReceiptFailed
		w.saveReceipt(failed)
		same(w, "the view", w.viewReceipts(d), []billing.Receipt{r})
	}},
	{"a new receipt is not looked up at once", func(w *world) {
		d := w.paid()
		w.addReceipt(d, w.addContact(d, "ann@example.com"))
		systems, err := w.Store.Views().SystemsToSweepReceipts(w.Context())
		w.must(err)
		sameList(w, "systems", systems, nil)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			leased, err := tx.Receipts.LeaseForSweep(ctx, ports.SweepQuery{System: system, Interval: billing.LookupInterval{Min: time.Hour, Max: time.Hour}, Limit: 10})
			sameList(w, "leased", leased, nil)
			return err
		})
	}},
}

func newReceipt(d purchase, c billing.ReceiptContact) billing.Receipt {
	r := billing.NewReceipt(d.pay, "План «basic»", billing.VAT10110, c, billing.ReceiptTerms{Mode: billing.FullPrepayment, TaxSystem: 3})
	r.Contact = billing.Contact{}
	return r
}

// addReceipt stores the receipt of the payment.
func (w *world) addReceipt(d purchase, c billing.ReceiptContact) billing.Receipt {
	w.Helper()
	r := newReceipt(d, c)
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.Add(ctx, r) })
	return r
}

func (w *world) saveReceipt(r billing.Receipt) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.Save(ctx, r) })
}

func (w *world) addContact(d purchase, text string) billing.ReceiptContact {
	w.Helper()
	c := billing.ReceiptContact{
		ID: newIDOf[billing.ContactID](), UserID: d.pay.UserID, Contact: billing.Contact{Secret: billing.NewSecret(text)},
	}
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.AddContact(ctx, c) })
	return c
}

func (w *world) wantContact(got, want billing.ReceiptContact) {
	w.Helper()
	if got.ID != want.ID || got.UserID != want.UserID || !got.Contact.Equal(want.Contact.Secret) {
		w.Errorf("the contact is %s of %s, want %s of %s", got.ID, got.UserID, want.ID, want.UserID)
	}
}

func (w *world) receiptFacts(d purchase) ports.ReceiptFacts {
	w.Helper()
	var facts []ports.ReceiptFacts
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		facts, err = tx.Receipts.Facts(ctx, ports.ReceiptQuery{User: d.pay.UserID, Plan: w.plan.ID})
		return err
	})
	if len(facts) != 1 {
		w.Fatalf("%d facts, want one", len(facts))
	}
	return facts[0]
}

func (w *world) findReceipts(r billing.Receipt) (found []billing.Receipt) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		found, err = tx.Receipts.Find(ctx, ports.ReceiptKey{User: r.UserID, ID: r.ID})
		return err
	})
	return slices.Clip(found)
}

func (w *world) viewReceipts(d purchase) []billing.Receipt {
	w.Helper()
	list, err := w.Store.Views().Receipts(w.Context(), d.pay.UserID, d.pay.ID)
	w.must(err)
	return list
}
