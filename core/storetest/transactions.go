package storetest

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var transactionPromises = []promise{
	{"one that fails keeps nothing", func(w *world) {
		m, d := w.newcomer()
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(w.writeAll(ctx, tx, m, d), errOnPurpose)
		})
		w.wantErr(err, errOnPurpose)
		w.wantNothing(m, d)
	}},
	{"one that panics keeps nothing and leaves the store usable", func(w *world) {
		m, d := w.newcomer()
		func() {
			defer func() { _ = recover() }()
			_ = w.try(func(ctx context.Context, tx ports.Repos) error {
				_ = w.writeAll(ctx, tx, m, d)
				panic("on purpose")
			})
		}()
		w.wantNothing(m, d)
	}},
	{"one whose context dies keeps nothing", func(w *world) {
		m, d := w.newcomer()
		ctx, cancel := context.WithCancel(w.Context())
		defer cancel()
		err := w.Store.InTx(ctx, func(tx ports.Repos) error {
			err := w.writeAll(ctx, tx, m, d)
			cancel()
			return err
		})
		if err == nil {
			w.Error("no error")
		}
		w.wantNothing(m, d)
	}},
	{"none begins with a dead context", func(w *world) {
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		err := w.Store.InTx(ctx, func(ports.Repos) error {
			w.Error("it began")
			return nil
		})
		if err == nil {
			w.Error("no error")
		}
	}},
	{"one reads its own writes, and nobody else does before it ends", func(w *world) {
		p := newPlan("new")
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			if err := tx.Plans.Add(ctx, p); err != nil {
				return err
			}
			found, err := tx.Plans.Lock(ctx, "new")
			same(w, "plan inside", found, p)
			return errors.Join(err, w.elsewhere(func() error {
				plans, err := w.Store.Views().Plans(ctx)
				same(w, "plans outside", plans, []billing.Plan{w.plan})
				return err
			}))
		})
		plans, err := w.Store.Views().Plans(w.Context())
		w.must(err)
		same(w, "plans afterwards", plans, []billing.Plan{w.plan, p})
	}},
}

var errOnPurpose = errors.New("on purpose")

func (w *world) newcomer() (billing.PaymentMethod, deal) {
	m := newMethod(newIDOf[billing.UserID](), "tok_1")
	return m, w.order(m, w.plan)
}

// elsewhere calls f in another goroutine and waits for it.
func (w *world) elsewhere(f func() error) error {
	done := make(chan error)
	go func() { done <- f() }()
	return <-done
}

// writeAll writes one of everything.
func (w *world) writeAll(ctx context.Context, tx ports.Repos, m billing.PaymentMethod, d deal) error {
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

// wantNothing checks that of writeAll nothing is left, by writing it again.
func (w *world) wantNothing(m billing.PaymentMethod, d deal) {
	w.Helper()
	ctx, views := w.Context(), w.Store.Views()
	plans, err1 := views.Plans(ctx)
	systems, err2 := views.PaymentSystems(ctx)
	subs, err3 := views.Subscriptions(ctx, m.UserID, ports.Page{Limit: 10})
	pays, err4 := views.Payments(ctx, m.UserID, ports.Page{Limit: 10})
	events, err5 := views.Events(ctx, m.UserID, ports.Page{Limit: 10})
	w.must(errors.Join(err1, err2, err3, err4, err5))
	if len(plans) != 1 || len(systems) != 1 || len(subs)+len(pays)+len(events) != 0 {
		w.Errorf("kept: %v %v %v %v %v", plans, systems, subs, pays, events)
	}
	w.tx(func(ctx context.Context, tx ports.Repos) error { return w.writeAll(ctx, tx, m, d) })
}
