package storetest

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var transactionCases = []testCase{
	{"that fail store nothing", func(w *world) {
		m, d := w.newSubscriber()
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(w.writeAll(ctx, tx, m, d), errOnPurpose)
		})
		w.wantErr(err, errOnPurpose)
		w.wantNothingStored(m, d)
	}},
	{"that panic store nothing and leave the store usable", func(w *world) {
		m, d := w.newSubscriber()
		func() {
			defer func() { _ = recover() }()
			_ = w.try(func(ctx context.Context, tx ports.Repos) error {
				_ = w.writeAll(ctx, tx, m, d)
				panic("on purpose")
			})
		}()
		w.wantNothingStored(m, d)
	}},
	{"with a cancelled context store nothing", func(w *world) {
		m, d := w.newSubscriber()
		ctx, cancel := context.WithCancel(w.Context())
		defer cancel()
		err := w.Store.InTx(ctx, func(tx ports.Repos) error {
			err := w.writeAll(ctx, tx, m, d)
			cancel()
			return err
		})
		if err == nil {
			w.Error("InTx = nil, want an error")
		}
		w.wantNothingStored(m, d)
	}},
	{"do not begin with a cancelled context", func(w *world) {
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		err := w.Store.InTx(ctx, func(ports.Repos) error {
			w.Error("the transaction began")
			return nil
		})
		if err == nil {
			w.Error("InTx = nil, want an error")
		}
	}},
	{"read their writes, which others see after the commit", func(w *world) {
		p := newPlan("new")
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			if err := tx.Plans.Add(ctx, p); err != nil {
				return err
			}
			found, err := tx.Plans.Lock(ctx, "new")
			same(w, "plan inside", found, p)
			return errors.Join(err, w.inGoroutine(func() error {
				plans, err := w.Store.Views().Plans(ctx)
				same(w, "plans outside", plans, []billing.Plan{w.plan})
				return err
			}))
		})
		plans, err := w.Store.Views().Plans(w.Context())
		w.must(err)
		same(w, "plans after the commit", plans, []billing.Plan{w.plan, p})
	}},
}

var errOnPurpose = errors.New("on purpose")

func (w *world) newSubscriber() (billing.PaymentMethod, purchase) {
	m := newMethod(newIDOf[billing.UserID](), "tok_1")
	return m, w.newPurchase(m, w.plan)
}

// inGoroutine calls f in another goroutine and waits for it.
func (w *world) inGoroutine(f func() error) error {
	done := make(chan error)
	go func() { done <- f() }()
	return <-done
}

// writeAll writes a row of every kind.
func (w *world) writeAll(ctx context.Context, tx ports.Repos, m billing.PaymentMethod, d purchase) error {
	if err := tx.Users.Seen(ctx, noon, m.UserID); err != nil {
		return err
	}
	return errors.Join(
		tx.Methods.Add(ctx, m),
		tx.Plans.Add(ctx, newPlan("other")),
		tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "other", Name: "Other", CreatedAt: noon}),
		tx.IdempotencyKeys.Claim(ctx, request(m.UserID, "key"), d.sub.ID),
		d.add(ctx, tx, 0),
		tx.Events.Append(ctx, d.event(billing.EventCancelRequested)),
	)
}

// wantNothingStored expects that writeAll left no rows, also by writing them again.
func (w *world) wantNothingStored(m billing.PaymentMethod, d purchase) {
	w.Helper()
	ctx, views := w.Context(), w.Store.Views()
	plans, err1 := views.Plans(ctx)
	systems, err2 := views.PaymentSystems(ctx)
	subs, err3 := views.Subscriptions(ctx, m.UserID, ports.Page{Limit: 10})
	pays, err4 := views.Payments(ctx, m.UserID, ports.Page{Limit: 10})
	events, err5 := views.Events(ctx, m.UserID, ports.Page{Limit: 10})
	w.must(errors.Join(err1, err2, err3, err4, err5))
	if len(plans) != 1 || len(systems) != 1 || len(subs)+len(pays)+len(events) != 0 {
		w.Errorf("stored: %v %v %v %v %v", plans, systems, subs, pays, events)
	}
	w.tx(func(ctx context.Context, tx ports.Repos) error { return w.writeAll(ctx, tx, m, d) })
}
