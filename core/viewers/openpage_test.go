package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// payBy returns a request to pay for the period that is past due.
func payBy(s viewers.Source) viewers.Pay {
	return viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price, Source: s}
}

func newToken() viewers.Source {
	return viewers.Source{PaymentSystem: billingtest.System, Token: billing.NewSecret("tok_new")}
}

// pastDueOnPage opens a page for the period that is past due, and returns its address.
func (w world) pastDueOnPage() string {
	w.T.Helper()
	w.pastDue()
	v, err := w.Process().Pay(w.T.Context(), payBy(viewers.Source{PaymentSystem: billingtest.System}))
	if err != nil || v.Latest.ActionURL == "" {
		w.T.Fatalf("pay on a page: %+v, %v", v.Latest, err)
	}
	return v.Latest.ActionURL
}

// expectOpen expects the refusal of a request because of the page.
func (w world) expectOpen(err error, page string) {
	w.T.Helper()
	var open *billing.PaymentOpenError
	if !errors.As(err, &open) || open.ActionURL != page {
		w.T.Errorf("got error %v, want the open page", err)
	}
}

// cannotCancel is a payment system that cannot cancel.
type cannotCancel struct{ ports.Provider }

// noLookup is a payment system whose lookups fail.
type noLookup struct{ *billingtest.FakeProvider }

func (noLookup) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	return billing.Outcome{}, billingtest.ErrLost
}

func TestPay_CancelsOpenPage(t *testing.T) {
	t.Parallel()
	for fault, cancelled := range map[billingtest.Fault]bool{
		billingtest.NoFault: true, billingtest.ResponseLost: true, billingtest.RequestLost: false, billingtest.ConnectionRefused: false,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			page := w.pastDueOnPage()
			w.Provider.SetCancelFault(fault)
			v, err := w.Process().Pay(t.Context(), payBy(newToken()))
			switch {
			case !cancelled:
				w.expectOpen(err, page)
				w.Provider.ConfirmAll()
			case err != nil || v.Status != billing.StatusActive:
				t.Errorf("pay: %s, %v; want active", v.Status, err)
			}
			w.settleAll()
			w.ExpectReconciled()
			w.ExpectCharges(2)
			if s := w.Subscriptions()[0]; s.Status != billing.StatusActive {
				t.Errorf("the subscription is %s, want active", s.Status)
			}
		})
	}
}

// The second page replaces the first one.
func TestPay_OnAnotherPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pastDueOnPage()
	v, err := w.Process().Pay(t.Context(), payBy(viewers.Source{PaymentSystem: billingtest.System}))
	if err != nil || v.Latest.ActionURL == "" {
		t.Fatalf("pay: %+v, %v; want another page", v.Latest, err)
	}
	if first := w.Payments()[1]; first.Status != billing.PaymentDeclined || first.DeclineCode != billing.ActionExpired {
		t.Errorf("the first payment is %s %s, want declined: %s", first.Status, first.DeclineCode, billing.ActionExpired)
	}
}

// The viewer pays on the page while the service cancels it: the response says that the
// period is paid, and so does its repetition. Nothing else is charged.
func TestPay_PagePaidMeanwhile(t *testing.T) {
	t.Parallel()
	for _, fault := range []billingtest.Fault{billingtest.NoFault, billingtest.ResponseLost, billingtest.RequestLost} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pastDueOnPage()
			w.Provider.SetCancelFault(fault)
			w.Provider.OnCancel = w.Provider.ConfirmAll
			for range 2 {
				r, err := w.Process().payKeyed(t.Context(), w.newRequest())
				if err != nil || r.Status != 200 {
					t.Errorf("pay: %d %s, %v; want 200", r.Status, r.Body, err)
				}
			}
			if n := len(w.Provider.Cancels()); n != 1 {
				t.Errorf("%d cancels were sent, want 1", n)
			}
			w.settleAll()
			w.ExpectReconciled()
			w.ExpectCharges(2)
			if s := w.Subscriptions()[0]; s.Status != billing.StatusActive || len(w.Payments()) != 2 {
				t.Errorf("the subscription is %s with %d payments, want active with 2", s.Status, len(w.Payments()))
			}
		})
	}
}

// Without a lookup the payment stays open, although the payment system has cancelled it. A
// sweep settles it, and then the viewer can pay.
func TestPay_CancelWithoutLookup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.pastDueOnPage()
	_, err := w.ProcessOver(w.Store, noLookup{w.Provider}).Pay(t.Context(), payBy(newToken()))
	w.expectOpen(err, page)
	w.ExpectCharges(1)
	w.Clock.Advance(billingtest.PastSendWindow)
	w.ExpectSweep(1, 0)
	if v, err := w.Process().Pay(t.Context(), payBy(newToken())); err != nil || v.Status != billing.StatusActive {
		t.Errorf("pay: %s, %v; want active", v.Status, err)
	}
	w.ExpectCharges(2)
}

// A request that is refused for another reason leaves the page open, and so does a payment
// system that cannot cancel.
func TestPay_KeepsOpenPage(t *testing.T) {
	t.Parallel()
	price, month := payBy(newToken()), payBy(newToken())
	price.Price, month.Months = billingtest.Rubles(1_00), 12
	for name, tt := range map[string]struct {
		cmd  viewers.Pay
		want error
	}{
		"another price":    {price, billing.ErrPriceChanged},
		"another interval": {month, billing.ErrPriceChanged},
		"unknown method":   {payBy(viewers.Source{Method: "id-of-nothing"}), billing.ErrPaymentMethodNotFound},
		"unknown system":   {payBy(viewers.Source{PaymentSystem: "nobody"}), billing.ErrPaymentSystemNotFound},
		"cannot cancel":    {payBy(newToken()), billing.ErrPaymentOpen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pastDueOnPage()
			var p ports.Provider = w.Provider
			if errors.Is(tt.want, billing.ErrPaymentOpen) {
				p = cannotCancel{p}
			}
			_, err := w.ProcessOver(w.Store, p).Pay(t.Context(), tt.cmd)
			billingtest.ExpectError(t, err, tt.want)
			if n := len(w.Provider.Cancels()); n != 0 || w.Payments()[0].Settled() {
				t.Errorf("%d cancels were sent, and the payment is %s; want none and pending", n, w.Payments()[0].Status)
			}
		})
	}
}

// Requests, sweeps and the viewer on the page act at the same time.
func TestPay_CancelsConcurrently(t *testing.T) {
	t.Parallel()
	for range 20 {
		w := newWorld(t)
		w.pastDueOnPage()
		w.Clock.Advance(billingtest.PastSendWindow)
		errs := billingtest.Concurrently(8, func(i int) error {
			switch {
			case i == 0:
				w.Provider.ConfirmAll()
				return nil
			case i < 4:
				_, err := w.Process().Sweep(t.Context(), 100, 4)
				return err
			}
			_, err := w.Process().Pay(t.Context(), payBy(newToken()))
			return err
		})
		for _, err := range errs {
			if err != nil && !errors.Is(err, billing.ErrPaymentOpen) && !errors.Is(err, billing.ErrNothingDue) {
				t.Error(err)
			}
		}
		w.settleAll()
		w.ExpectReconciled()
		w.ExpectCharges(2)
	}
}

func TestPay_CancelSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		steps int // before and after: the cancel, its record, the intent, the charge, its record, the response
		paid  bool
	}{
		"cancelled":      {12, false},
		"paid meanwhile": {8, true}, // the claim of the key instead of the intent, the charge and its record
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atEveryStep(t, tt.steps, func(t *testing.T, crash *billingtest.Crash) {
				w := newWorld(t)
				w.pastDueOnPage()
				if tt.paid {
					w.Provider.OnCancel = w.Provider.ConfirmAll
				}
				_, _ = w.ProcessOver(crash.Store(w.Store), crash.Cancelling(w.Provider)).payKeyed(t.Context(), w.newRequest())
				w.Clock.Advance(billingtest.PastSendWindow)
				if _, err := w.Process().Sweep(t.Context(), 100, 4); err != nil {
					t.Error(err)
				}
				for range 2 {
					r, err := w.Process().payKeyed(t.Context(), w.newRequest())
					if paid := errors.Is(err, billing.ErrNothingDue); err != nil && !paid || err == nil && r.Status != 200 {
						t.Errorf("repeated request: %d %s, %v; want 200 or nothing due", r.Status, r.Body, err)
					}
				}
				w.settleAll()
				w.ExpectReconciled()
				w.ExpectCharges(2)
				if s := w.Subscriptions()[0]; s.Status != billing.StatusActive {
					t.Errorf("the subscription is %s, want active", s.Status)
				}
			})
		})
	}
}

// A viewer leaves the first page, and subscribes in another way.
func TestSubscribe_CancelsOpenPage(t *testing.T) {
	t.Parallel()
	other := billingtest.SubscribeBasic()
	other.Plan = "deluxe"
	otherOnPage := onPage()
	otherOnPage.Plan = "deluxe"
	for name, tt := range map[string]struct {
		first, second viewers.Subscribe
		status        billing.Status
	}{
		"page, then a token":                {onPage(), billingtest.SubscribeBasic(), billing.StatusActive},
		"page, then another plan":           {onPage(), other, billing.StatusActive},
		"page, then another plan on a page": {onPage(), otherOnPage, billing.StatusIncomplete},
		"confirmation, then a page":         {billingtest.SubscribeBasic(), onPage(), billing.StatusIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AddPlanTo("basic", "deluxe")
			w.Provider.SetFault(billingtest.NeedsConfirmation)
			if _, err := w.Process().Subscribe(t.Context(), tt.first); err != nil {
				t.Fatal(err)
			}
			w.Provider.SetFault(billingtest.NoFault)
			v, err := w.Process().Subscribe(t.Context(), tt.second)
			if err != nil || v.Status != tt.status || v.PlanCode != tt.second.Plan {
				t.Fatalf("subscribe: %s to %s, %v; want %s", v.Status, v.PlanCode, err, tt.status)
			}
			if first := w.Subscriptions()[1]; first.Status != billing.StatusEnded || first.Latest.DeclineCode != billing.ActionExpired {
				t.Errorf("the first subscription is %s, its payment %s; want ended: %s", first.Status, first.Latest.DeclineCode, billing.ActionExpired)
			}
			w.Provider.ConfirmAll()
			w.settleAll()
			w.ExpectReconciled()
			w.ExpectCharges(1)
		})
	}
}

// A repeated order keeps its page, and so does an order that is refused for another reason.
func TestSubscribe_KeepsOpenPage(t *testing.T) {
	t.Parallel()
	price, unknown := billingtest.SubscribeBasic(), billingtest.SubscribeBasic()
	price.Price, unknown.PaymentSystem = billingtest.Rubles(1_00), "nobody"
	for name, tt := range map[string]struct {
		first, second viewers.Subscribe
		want          error
	}{
		"same page":      {onPage(), onPage(), billing.ErrAlreadySubscribed},
		"same token":     {billingtest.SubscribeBasic(), billingtest.SubscribeBasic(), billing.ErrAlreadySubscribed},
		"another price":  {onPage(), price, billing.ErrPriceChanged},
		"unknown system": {onPage(), unknown, billing.ErrPaymentSystemNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(billingtest.NeedsConfirmation)
			if _, err := w.Process().Subscribe(t.Context(), tt.first); err != nil {
				t.Fatal(err)
			}
			_, err := w.Process().Subscribe(t.Context(), tt.second)
			billingtest.ExpectError(t, err, tt.want)
			if n := len(w.Provider.Cancels()); n != 0 || len(w.Payments()) != 1 || w.Payments()[0].Settled() {
				t.Errorf("%d cancels were sent; the payments are %+v", n, w.Payments())
			}
		})
	}
}

// The page is paid while the viewer subscribes in another way, or cannot be cancelled.
func TestSubscribe_PageStays(t *testing.T) {
	t.Parallel()
	for _, paid := range []bool{false, true} {
		t.Run(fmt.Sprintf("paid %t", paid), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if _, err := w.Process().Subscribe(t.Context(), onPage()); err != nil {
				t.Fatal(err)
			}
			var p ports.Provider = cannotCancel{w.Provider}
			if paid {
				p, w.Provider.OnCancel = w.Provider, w.Provider.ConfirmAll
			}
			_, err := w.ProcessOver(w.Store, p).Subscribe(t.Context(), billingtest.SubscribeBasic())
			billingtest.ExpectError(t, err, billing.ErrAlreadySubscribed)
			w.Provider.ConfirmAll()
			w.settleAll()
			w.ExpectReconciled()
			w.ExpectCharges(1)
			if s := w.Subscriptions()[0]; s.Status != billing.StatusActive || len(w.Subscriptions()) != 1 {
				t.Errorf("the subscription is %s, one of %d; want one that is active", s.Status, len(w.Subscriptions()))
			}
		})
	}
}
