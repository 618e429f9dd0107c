package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// horizon is when everything is due that these tests store.
var horizon = noon.AddDate(1, 0, 0)

var duePromises = []promise{
	{"are what has something to do, with its method", func(w *world) {
		d := w.paid()
		w.open(0) // waits for its first payment
		w.settle(w.open(0), billing.PaymentDeclined, noon)
		got := w.lockDue(ports.DueQuery{Now: horizon, Systems: []string{system}, Limit: 10})
		if len(got) != 1 || !got[0].Method.Token.Equal(billing.NewSecret("tok_1")) || got[0].Method.ID != d.sub.MethodID {
			w.Fatalf("due: %+v", got)
		}
		same(w, "due", got[0].Subscription, d.sub)
	}},
	{"are due at their time, not before", func(w *world) {
		d := w.paid()
		for now, want := range map[time.Time]int{
			d.sub.NextChargeAt.Add(-time.Microsecond): 0, d.sub.NextChargeAt: 1, d.sub.NextChargeAt.Add(time.Microsecond): 1,
		} {
			if got := w.lockDue(ports.DueQuery{Now: now, Systems: []string{system}, Limit: 10}); len(got) != want {
				w.Errorf("at %v: %d are due, want %d", now, len(got), want)
			}
		}
	}},
	{"are left out while a payment is pending, whatever the time", func(w *world) {
		d := w.paid()
		d.sub.Charging = true
		w.save(d)
		if got := w.lockDue(ports.DueQuery{Now: horizon, Systems: []string{system}, Limit: 10}); len(got) > 0 {
			w.Errorf("due: %+v", got)
		}
	}},
	{"come the earliest first, no more than the limit, from a time on", func(w *world) {
		var ids []billing.SubscriptionID
		for i := range 5 {
			d := w.paid()
			d.sub.NextChargeAt = noon.Add(time.Duration(10-i) * time.Hour)
			w.save(d)
			ids = append(ids, d.sub.ID)
		}
		slices.Reverse(ids)
		q := ports.DueQuery{Now: horizon, Systems: []string{system}, Limit: 3}
		same(w, "first", idsOf(w.lockDue(q)), ids[:3])
		q.From = noon.Add(8 * time.Hour)
		same(w, "from 8 h on", idsOf(w.lockDue(q)), ids[2:])
	}},
	{"are those of the payment systems that are asked for", func(w *world) {
		w.paid()
		for _, systems := range [][]string{{"other"}, {}} {
			if got := w.lockDue(ports.DueQuery{Now: horizon, Systems: systems, Limit: 3}); len(got) > 0 {
				w.Errorf("at %v: due %+v", systems, got)
			}
		}
	}},
	{"are claimed once by claims at the same time", func(w *world) {
		const n = 40
		for range n {
			w.paid()
		}
		var wg sync.WaitGroup
		claims, errs := make([][]ports.Due, 4), make([]error, 4)
		for i := range claims {
			wg.Go(func() {
				for range n {
					claimed, err := w.claim(7)
					claims[i], errs[i] = append(claims[i], claimed...), err
				}
			})
		}
		wg.Wait()
		seen := map[billing.SubscriptionID]bool{}
		for i, claimed := range claims {
			w.must(errs[i])
			for _, d := range claimed {
				if seen[d.ID] {
					w.Errorf("subscription %s was claimed twice", d.ID)
				}
				seen[d.ID] = true
			}
		}
		if len(seen) != n {
			w.Errorf("claimed %d, want %d", len(seen), n)
		}
	}},
}

var dueViewPromises = []promise{
	{"show the same, and change nothing", func(w *world) {
		for range 3 {
			w.paid()
		}
		q := ports.DueQuery{Now: horizon, Systems: []string{system}, Limit: 2}
		want := idsOf(w.lockDue(q))
		for range 2 {
			same(w, "viewed", idsOf(w.viewDue(q)), want)
		}
	}},
	{"show all payment systems and no end when none is named", func(w *world) {
		w.paid()
		w.paid()
		if got := w.viewDue(ports.DueQuery{Now: horizon}); len(got) != 2 {
			w.Errorf("viewed %d, want 2", len(got))
		}
	}},
	{"count", func(w *world) {
		w.paid()
		w.paid()
		for name, tt := range map[string]struct {
			q    ports.DueQuery
			want int
		}{
			"all":          {ports.DueQuery{Now: horizon, Limit: 1}, 2},
			"this system":  {ports.DueQuery{Now: horizon, Systems: []string{system}}, 2},
			"other system": {ports.DueQuery{Now: horizon, Systems: []string{"other"}}, 0},
			"too early":    {ports.DueQuery{Now: noon}, 0},
		} {
			n, err := w.Store.Views().CountDue(w.Context(), tt.q)
			if w.must(err); n != tt.want {
				w.Errorf("%s: %d, want %d", name, n, tt.want)
			}
		}
	}},
	{"stop when told to", func(w *world) {
		w.paid()
		w.paid()
		calls := 0
		err := w.Store.Views().Due(w.Context(), ports.DueQuery{Now: horizon}, func(ports.Due) error {
			calls++
			return errOnPurpose
		})
		if w.wantErr(err, errOnPurpose); calls != 1 {
			w.Errorf("called %d times", calls)
		}
	}},
}

var runPromises = []promise{
	{"are kept and replaced", func(w *world) {
		r := ports.Run{ID: newIDOf[string](), StartedAt: noon}
		for range 2 {
			w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Runs.Put(ctx, r) })
			r.FinishedAt, r.Error = noon.Add(time.Minute), "out of reach"
			r.Summary = ports.Summary{Settled: 1, Due: 2, Renewed: 3, Declined: 4, Unknown: 5, Ended: 6, Failed: 7}
		}
	}},
}

// paid is a subscription that is paid for, and renews.
func (w *world) paid() deal {
	w.Helper()
	return w.settle(w.open(0), billing.PaymentSucceeded, noon)
}

func (w *world) lockDue(q ports.DueQuery) (due []ports.Due) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		due, err = tx.Subscriptions.LockDue(ctx, q)
		return err
	})
	return due
}

// claim bills what is due, as a run does.
func (w *world) claim(limit int) (due []ports.Due, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		if due, err = tx.Subscriptions.LockDue(ctx, ports.DueQuery{Now: horizon, Systems: []string{system}, Limit: limit}); err != nil {
			return err
		}
		for _, d := range due {
			s, p, _, billed := d.Bill(newIDOf[billing.PaymentID](), d.Method, billing.Calendar{}, horizon)
			if !billed {
				return fmt.Errorf("subscription %s was locked and is not due", d.ID)
			}
			if err := tx.Subscriptions.Save(ctx, s); err != nil {
				return err
			}
			if err := tx.Payments.Add(ctx, time.Hour, p); err != nil {
				return err
			}
		}
		return nil
	})
	return due, err
}

func (w *world) viewDue(q ports.DueQuery) (due []ports.Due) {
	w.Helper()
	w.must(w.Store.Views().Due(w.Context(), q, func(d ports.Due) error {
		due = append(due, d)
		return nil
	}))
	return due
}

func idsOf(due []ports.Due) (ids []billing.SubscriptionID) {
	for _, d := range due {
		ids = append(ids, d.ID)
	}
	return ids
}
