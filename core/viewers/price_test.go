package viewers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// overtaken lets another do something just before a transaction that stores an
// intent, or comes to nothing: each is tried first and taken back, as a store may.
type overtaken struct {
	ports.Store
	other *sync.Once
	do    func()
}

var errTakenBack = errors.New("could not serialize access due to concurrent update")

func (s overtaken) InTx(ctx context.Context, f func(ports.Repos) error) error {
	harmless := false
	_ = s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = noPayments{tx.Payments}
		harmless = f(tx) == nil
		return errTakenBack
	})
	if !harmless {
		s.other.Do(s.do)
	}
	return s.Store.InTx(ctx, f)
}

type noPayments struct{ ports.Payments }

func (noPayments) Add(context.Context, time.Duration, ...billing.Payment) error { return errTakenBack }

func TestSubscribe_ComparesPriceInTransaction(t *testing.T) {
	t.Parallel()
	const other = 449_00
	tests := []struct {
		name    string
		becomes billing.Money
		shown   billing.Money
		refused bool
	}{
		{"it goes up", billingtest.Rubles(other), billingtest.Price, true},
		{"it goes down", billingtest.Rubles(1_00), billingtest.Price, true},
		{"it is the same in another currency", billing.Money{Amount: billingtest.Price.Amount, Currency: "KZT"}, billingtest.Price, true},
		{"it becomes what the viewer saw", billingtest.Rubles(other), billingtest.Rubles(other), false},
		{"it stays", billingtest.Price, billingtest.Price, false},
		{"the viewer saw another", billingtest.Price, billingtest.Rubles(other), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.ProcessOver(overtaken{w.Store, new(sync.Once), func() { w.reprice(tt.becomes) }}, w.Provider)
			cmd, r := billingtest.SubscribeBasic(), w.newRequest()
			cmd.Price, cmd.Request = tt.shown, &r
			_, err := p.Subscribe(t.Context(), cmd)
			if !tt.refused {
				if err != nil {
					t.Error(err)
				}
				w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
				w.ExpectReconciled()
				return
			}
			var changed *billing.PriceChangedError
			want := billing.PriceChangedError{Plan: "basic", Shown: tt.shown, Current: tt.becomes}
			if !errors.As(err, &changed) || *changed != want {
				t.Errorf("got the error %v, want %v", err, &want)
			}
			w.expectNothingStored()
			w.expectUnclaimed(r)
			if n := len(w.Provider.Requests()); n > 0 {
				t.Errorf("the payment system was asked %d times", n)
			}
		})
	}
}

func (w world) reprice(to billing.Money) {
	if _, err := w.Catalog().SetPrice(w.T.Context(), "basic", to); err != nil {
		w.T.Error(err)
	}
}

func (w world) expectUnclaimed(r ports.KeyedRequest) {
	w.T.Helper()
	answer, work, err := w.Process().Replay(w.T.Context(), r)
	if answer != nil || work != nil || err != nil {
		w.T.Errorf("the key is taken: %v, %v, %v", answer, work, err)
	}
}

func TestSubscribe_KeepsAgreedPrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	w.reprice(billingtest.Rubles(999_00))
	if s := w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded); s.Price != billingtest.Price {
		t.Errorf("the price is %s, want %s", s.Price, billingtest.Price)
	}
}

func TestSubscribe_Refusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cmd  func(*viewers.Subscribe)
		want error
	}{
		{"an unknown plan", func(c *viewers.Subscribe) { c.Plan = "gold" }, billing.ErrPlanNotFound},
		{"an archived plan", func(c *viewers.Subscribe) { c.Plan = "old" }, billing.ErrPlanNotFound},
		{"an unknown payment system", func(c *viewers.Subscribe) { c.PaymentSystem = "none" }, billing.ErrPaymentSystemNotFound},
		{"an archived payment system", func(c *viewers.Subscribe) { c.PaymentSystem = "closed" }, billing.ErrPaymentSystemNotFound},
		{"an empty token", func(c *viewers.Subscribe) { c.Token = billing.Secret{} }, billing.ErrInvalid},
		{"a token with a space", func(c *viewers.Subscribe) { c.Token = billing.NewSecret("tok visa") }, billing.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AddPlan("old")
			_, err := w.Catalog().ArchivePlan(t.Context(), "old")
			billingtest.ExpectError(t, err, nil)
			_, err = w.Catalog().AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: "closed", Name: "Closed"})
			billingtest.ExpectError(t, err, nil)
			_, err = w.Catalog().ArchivePaymentSystem(t.Context(), "closed")
			billingtest.ExpectError(t, err, nil)

			cmd, r := billingtest.SubscribeBasic(), w.newRequest()
			cmd.Request = &r
			tt.cmd(&cmd)
			_, err = w.Process().Subscribe(t.Context(), cmd)
			billingtest.ExpectError(t, err, tt.want)
			w.expectNothingStored()
			w.expectUnclaimed(r)
		})
	}
}
