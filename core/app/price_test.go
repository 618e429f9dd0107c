package app_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// overtaken lets another do something just before a transaction that stores an
// intent, or comes to nothing: each is tried first and taken back, as a store may.
type overtaken struct {
	app.Store
	other *sync.Once
	do    func()
}

var errTakenBack = errors.New("could not serialize access due to concurrent update")

func (s overtaken) InTx(ctx context.Context, f func(app.Repos) error) error {
	harmless := false
	_ = s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Payments = noPayments{tx.Payments}
		harmless = f(tx) == nil
		return errTakenBack
	})
	if !harmless {
		s.other.Do(s.do)
	}
	return s.Store.InTx(ctx, f)
}

type noPayments struct{ app.Payments }

func (noPayments) Add(context.Context, time.Duration, ...billing.Payment) error { return errTakenBack }

func TestThePriceIsComparedInTheTransactionThatStoresTheIntent(t *testing.T) {
	t.Parallel()
	const other = 449_00
	tests := []struct {
		name    string
		becomes billing.Money
		shown   billing.Money
		refused bool
	}{
		{"it goes up", rubles(other), price, true},
		{"it goes down", rubles(1_00), price, true},
		{"it is the same in another currency", billing.Money{Amount: price.Amount, Currency: "KZT"}, price, true},
		{"it becomes what the viewer saw", rubles(other), rubles(other), false},
		{"it stays", price, price, false},
		{"the viewer saw another", price, rubles(other), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.processOver(overtaken{w.store, new(sync.Once), func() { w.reprice(tt.becomes) }}, w.psp)
			cmd, r := toBasic(), w.request()
			cmd.Price, cmd.Request = tt.shown, &r
			_, err := p.Subscribe(t.Context(), cmd)
			if !tt.refused {
				if err != nil {
					t.Error(err)
				}
				w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
				w.expectAgreement()
				return
			}
			var changed *billing.PriceChangedError
			want := billing.PriceChangedError{Plan: "basic", Shown: tt.shown, Current: tt.becomes}
			if !errors.As(err, &changed) || *changed != want {
				t.Errorf("got the error %v, want %v", err, &want)
			}
			w.expectNothing()
			w.expectUnclaimed(r)
			if n := len(w.psp.requests()); n > 0 {
				t.Errorf("the payment system was asked %d times", n)
			}
		})
	}
}

func (w world) reprice(to billing.Money) {
	if _, err := w.catalog().SetPrice(w.t.Context(), "basic", to); err != nil {
		w.t.Error(err)
	}
}

func (w world) expectUnclaimed(r app.Request) {
	w.t.Helper()
	answer, work, err := w.process().Replay(w.t.Context(), r)
	if answer != nil || work != nil || err != nil {
		w.t.Errorf("the key is taken: %v, %v, %v", answer, work, err)
	}
}

func TestWhoeverHasSubscribedKeepsThePrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribed()
	w.reprice(rubles(999_00))
	if s := w.expectOne(billing.StatusActive, billing.PaymentSucceeded); s.Price != price {
		t.Errorf("the price is %s, want %s", s.Price, price)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cmd  func(*app.Subscribe)
		want error
	}{
		{"an unknown plan", func(c *app.Subscribe) { c.Plan = "gold" }, billing.ErrPlanNotFound},
		{"an archived plan", func(c *app.Subscribe) { c.Plan = "old" }, billing.ErrPlanNotFound},
		{"an unknown payment system", func(c *app.Subscribe) { c.PaymentSystem = "none" }, billing.ErrPaymentSystemNotFound},
		{"an archived payment system", func(c *app.Subscribe) { c.PaymentSystem = "closed" }, billing.ErrPaymentSystemNotFound},
		{"an empty token", func(c *app.Subscribe) { c.Token = billing.Secret{} }, billing.ErrInvalid},
		{"a token with a space", func(c *app.Subscribe) { c.Token = billing.NewSecret("tok visa") }, billing.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sell("old")
			_, err := w.catalog().ArchivePlan(t.Context(), "old")
			expectError(t, err, nil)
			_, err = w.catalog().AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: "closed", Name: "Closed"})
			expectError(t, err, nil)
			_, err = w.catalog().ArchivePaymentSystem(t.Context(), "closed")
			expectError(t, err, nil)

			cmd, r := toBasic(), w.request()
			cmd.Request = &r
			tt.cmd(&cmd)
			_, err = w.process().Subscribe(t.Context(), cmd)
			expectError(t, err, tt.want)
			w.expectNothing()
			w.expectUnclaimed(r)
		})
	}
}
