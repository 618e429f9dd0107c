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

// retryingStore runs each transaction twice and rolls back the first run, as a store
// does after a serialization failure. Between the runs it calls change once, if the
// first run added a payment or failed.
type retryingStore struct {
	ports.Store
	once   *sync.Once
	change func()
}

var errRolledBack = errors.New("could not serialize access due to concurrent update")

func (s retryingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	noPayment := false
	_ = s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = failingPayments{tx.Payments}
		noPayment = f(tx) == nil
		return errRolledBack
	})
	if !noPayment {
		s.once.Do(s.change)
	}
	return s.Store.InTx(ctx, f)
}

type failingPayments struct{ ports.Payments }

func (failingPayments) Add(context.Context, time.Duration, ...billing.Payment) error {
	return errRolledBack
}

func TestSubscribe_ComparesPriceInTransaction(t *testing.T) {
	t.Parallel()
	const other = 449_00
	tests := []struct {
		name    string
		becomes billing.Money
		shown   billing.Money
		refused bool
	}{
		{"price goes up", billingtest.Rubles(other), billingtest.Price, true},
		{"price goes down", billingtest.Rubles(1_00), billingtest.Price, true},
		{"currency changes", billing.Money{Amount: billingtest.Price.Amount, Currency: "KZT"}, billingtest.Price, true},
		{"price becomes the one shown", billingtest.Rubles(other), billingtest.Rubles(other), false},
		{"price stays", billingtest.Price, billingtest.Price, false},
		{"another price shown", billingtest.Price, billingtest.Rubles(other), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.ProcessOver(retryingStore{w.Store, new(sync.Once), func() { w.setPrice(tt.becomes) }}, w.Provider)
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
			want := billing.PriceChangedError{Plan: "basic", Shown: tt.shown, Current: tt.becomes, CurrentMonths: 1}
			if !errors.As(err, &changed) || *changed != want {
				t.Errorf("got the error %v, want %v", err, &want)
			}
			w.expectNothingStored()
			w.expectUnclaimed(r)
			if n := len(w.Provider.Requests()); n > 0 {
				t.Errorf("%d charges were sent, want none", n)
			}
		})
	}
}

func (w world) setPrice(to billing.Money) {
	if _, err := w.Catalog().SetPrice(w.T.Context(), "basic", to); err != nil {
		w.T.Error(err)
	}
}

// expectUnclaimed expects that the request's key is free.
func (w world) expectUnclaimed(r ports.KeyedRequest) {
	w.T.Helper()
	response, work, err := w.Process().Replay(w.T.Context(), r)
	if response != nil || work != nil || err != nil {
		w.T.Errorf("Replay = %v, %v, %v, want a free key", response, work, err)
	}
}

func TestSubscribe_KeepsAgreedPrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	w.setPrice(billingtest.Rubles(999_00))
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
		{"unknown plan", func(c *viewers.Subscribe) { c.Plan = "gold" }, billing.ErrPlanNotFound},
		{"archived plan", func(c *viewers.Subscribe) { c.Plan = "old" }, billing.ErrPlanNotFound},
		{"unknown payment system", func(c *viewers.Subscribe) { c.PaymentSystem = "none" }, billing.ErrPaymentSystemNotFound},
		{"archived payment system", func(c *viewers.Subscribe) { c.PaymentSystem = "closed" }, billing.ErrPaymentSystemNotFound},
		{"payment system without an adapter", func(c *viewers.Subscribe) { c.PaymentSystem = "planned" }, billing.ErrPaymentSystemUnavailable},
		{"token with a space", func(c *viewers.Subscribe) { c.Token = billing.NewSecret("two words") }, billing.ErrInvalid},
		{"token with a space", func(c *viewers.Subscribe) { c.Token = billing.NewSecret("tok visa") }, billing.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AddPlan("old")
			_, err := w.Catalog().ArchivePlan(t.Context(), "old")
			billingtest.ExpectError(t, err, nil)
			for _, code := range []string{"closed", "planned"} {
				_, err = w.Catalog().AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: code, Name: code})
				billingtest.ExpectError(t, err, nil)
			}
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
