package viewers_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

var terms = billing.ReceiptTerms{Mode: billing.FullPayment}

func contact(text string) billing.Contact { return billing.Contact{Secret: billing.NewSecret(text)} }

// expectReceiptMissing expects the fault of a request without a contact for receipts.
func expectReceiptMissing(t *testing.T, err error) {
	t.Helper()
	var invalid *billing.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Field != "receipt" {
		t.Errorf("the error is %v, want a fault of receipt", err)
	}
}

// receivers returns the contacts of all charges, oldest first.
func (w world) receivers() (list []string) {
	for _, r := range w.Provider.Requests() {
		if r.Receipt == nil {
			list = append(list, "")
			continue
		}
		list = append(list, r.Receipt.Contact.Reveal())
	}
	return list
}

func (w world) expectReceivers(want ...string) {
	w.T.Helper()
	got := w.receivers()
	if len(got) != len(want) {
		w.T.Fatalf("the receipts go to %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			w.T.Fatalf("the receipts go to %q, want %q", got, want)
		}
	}
}

func TestSubscribe_ContactForReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlan("plus")
	w.Provider.Receipts = &terms
	cmd := billingtest.SubscribeBasic()
	_, err := w.Process().Subscribe(t.Context(), cmd)
	expectReceiptMissing(t, err)
	w.expectNothingStored()

	cmd.Contact = contact("ann@example.com")
	if _, err := w.Process().Subscribe(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	other := billingtest.SubscribeBasic()
	other.Plan = "plus"
	if _, err := w.Process().Subscribe(t.Context(), other); err != nil {
		t.Fatalf("with the stored contact: %v", err)
	}
	w.expectReceivers("ann@example.com", "ann@example.com")
}

// A payment system without receipts gets no contact, and none is stored.
func TestSubscribe_ContactWithoutNeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlan("plus")
	cmd := billingtest.SubscribeBasic()
	cmd.Contact = contact("ann@example.com")
	if _, err := w.Process().Subscribe(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	w.expectReceivers("")
	w.Provider.Receipts = &terms
	cmd = billingtest.SubscribeBasic()
	cmd.Plan = "plus"
	_, err := w.Process().Subscribe(t.Context(), cmd)
	expectReceiptMissing(t, err)
}

// A viewer without a contact is not charged: the subscription is on hold, and the viewer
// keeps access until the grace ends. With a contact, the next run charges it.
func TestRenewal_WithoutContact(t *testing.T) {
	t.Parallel()
	for name, recoverBy := range map[string]func(w world) error{
		"pay": func(w world) error {
			_, err := w.Process().Pay(w.T.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price, Contact: contact("79001234567")})
			return err
		},
		"the same method again": func(w world) error {
			_, err := w.Process().Replace(w.T.Context(), viewers.Replace{
				User: billingtest.Viewer, Ref: "basic", Source: viewers.Source{Method: w.Subscriptions()[0].MethodID}, Contact: contact("79001234567"),
			})
			if err != nil {
				return err
			}
			_, err = w.Renewer().Run(w.T.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.MustSubscribe()
			w.Provider.Receipts = &terms
			w.Clock.Advance(billingtest.Month)
			if _, err := w.Renewer().Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := w.Subscriptions()[0]
			if s.Status != billing.StatusPastDue || s.Hold != billing.ReceiptContactMissing || s.NextAction() != billing.AddReceiptContact {
				t.Errorf("the subscription is %s, on hold for %q, and needs %q", s.Status, s.Hold, s.NextAction())
			}
			if until := s.AccessUntil(w.Clock.Now(), 0); until.Sub(w.Clock.Now()) < 6*24*time.Hour {
				t.Errorf("the access ends at %v, want a week of grace", until)
			}
			w.ExpectCharges(1)
			_, err := w.Process().Pay(t.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price})
			expectReceiptMissing(t, err)

			if err := recoverBy(w); err != nil {
				t.Fatal(err)
			}
			if s := w.Subscriptions()[0]; s.Status != billing.StatusActive {
				t.Errorf("the subscription is %s, want active", s.Status)
			}
			w.expectReceivers("", "79001234567")
		})
	}
}

// A contact is stored even if the method stays as it was.
func TestReplace_StoresContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.Receipts = &terms
	cmd := billingtest.SubscribeBasic()
	cmd.Contact = contact("ann@example.com")
	if _, err := w.Process().Subscribe(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	same := viewers.Source{Method: w.Subscriptions()[0].MethodID}
	if _, err := w.Process().Replace(t.Context(), viewers.Replace{User: billingtest.Viewer, Ref: "basic", Source: same, Contact: contact("79001234567")}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(billingtest.Month)
	if _, err := w.Renewer().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expectReceivers("ann@example.com", "79001234567")
}

func TestPayments_ShowReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	w.AddPlan("plus")
	w.Provider.Receipts = &terms
	cmd := billingtest.SubscribeBasic()
	cmd.Plan, cmd.Contact = "plus", contact("ann@example.com")
	if _, err := w.Process().Subscribe(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	list, err := w.Queries().Payments(t.Context(), billingtest.Viewer, ports.Page{Limit: 10})
	if err != nil || len(list) != 2 || list[0].Receipt != billing.ReceiptPending || list[1].Receipt != "" {
		t.Errorf("the payments are %+v, %v, want the newer one with a pending receipt", list, err)
	}
}
