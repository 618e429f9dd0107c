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

// allDue is a time at which every subscription of these tests is due.
var allDue = noon.AddDate(1, 0, 0)

var dueCases = []testCase{
	{"are active subscriptions, with their methods", func(w *world) {
		d := w.subscribePaid()
		w.subscribe(0) // its first payment is pending
		w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		got := w.lockDue(ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 10})
		if len(got) != 1 || !got[0].Method.Token.Equal(billing.NewSecret("tok_1")) || got[0].Method.ID != d.sub.MethodID {
			w.Fatalf("due are %+v, want %s with its method", got, d.sub.ID)
		}
		same(w, "due", got[0].Subscription, d.sub)
	}},
	{"are due from NextChargeAt on", func(w *world) {
		d := w.subscribePaid()
		for now, want := range map[time.Time]int{
			d.sub.NextChargeAt.Add(-time.Microsecond): 0, d.sub.NextChargeAt: 1, d.sub.NextChargeAt.Add(time.Microsecond): 1,
		} {
			if got := w.lockDue(ports.DueQuery{Now: now, Systems: []string{system}, Limit: 10}); len(got) != want {
				w.Errorf("at %v: %d are due, want %d", now, len(got), want)
			}
		}
	}},
	{"exclude subscriptions with a pending payment", func(w *world) {
		d := w.subscribePaid()
		d.sub.Charging = true
		w.save(d)
		if got := w.lockDue(ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 10}); len(got) > 0 {
			w.Errorf("due are %+v, want none", got)
		}
	}},
	{"come earliest first, up to the limit, from a time on", func(w *world) {
		var ids []billing.SubscriptionID
		for i := range 5 {
			d := w.subscribePaid()
			d.sub.NextChargeAt = noon.Add(time.Duration(10-i) * time.Hour)
			w.save(d)
			ids = append(ids, d.sub.ID)
		}
		slices.Reverse(ids)
		q := ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 3}
		same(w, "first", idsOf(w.lockDue(q)), ids[:3])
		q.From = noon.Add(8 * time.Hour)
		same(w, "from 8 h on", idsOf(w.lockDue(q)), ids[2:])
	}},
	{"belong to the payment systems of the query", func(w *world) {
		w.subscribePaid()
		for _, systems := range [][]string{{"other"}, {}} {
			if got := w.lockDue(ports.DueQuery{Now: allDue, Systems: systems, Limit: 3}); len(got) > 0 {
				w.Errorf("due at %v are %+v, want none", systems, got)
			}
		}
	}},
	{"are claimed once by concurrent claims", func(w *world) {
		const n = 40
		for range n {
			w.subscribePaid()
		}
		var wg sync.WaitGroup
		claims, errs := make([][]ports.Due, 4), make([]error, 4)
		for i := range claims {
			wg.Go(func() {
				for range n {
					claimed, err := w.claimDue(7)
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

// onHold returns a subscription whose grace ends at a time.
func (w *world) onHold(end time.Time) purchase {
	w.Helper()
	d := w.subscribePaid()
	d.sub.Status, d.sub.Hold, d.sub.NextChargeAt = billing.StatusPastDue, billing.CardExpired, time.Time{}
	d.sub.PastDueSince, d.sub.GraceUntil = end.Add(-time.Hour), end
	w.save(d)
	return d
}

var overCases = []testCase{
	{"are on hold, and their grace has ended", func(w *world) {
		first, second := w.onHold(noon), w.onHold(noon.Add(time.Second))
		paying := w.onHold(noon)
		paying.sub.Charging = true
		w.save(paying)
		w.subscribePaid()
		for now, want := range map[time.Time][]billing.SubscriptionID{
			noon.Add(-time.Microsecond): nil,
			noon:                        {first.sub.ID},
			noon.Add(time.Second):       {first.sub.ID, second.sub.ID},
		} {
			same(w, "over", subIDs(w.lockOver(now, 10)), want)
			same(w, "viewed", subIDs(w.viewOver(now)), want)
		}
		same(w, "limited", subIDs(w.lockOver(allDue, 1)), []billing.SubscriptionID{first.sub.ID})
		same(w, "complete", w.lockOver(allDue, 1)[0], first.sub)
	}},
	{"are never due", func(w *world) {
		w.onHold(noon)
		if got := w.lockDue(ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 10}); len(got) > 0 {
			w.Errorf("due are %+v, want none", got)
		}
		if got := w.viewDue(ports.DueQuery{Now: allDue}); len(got) > 0 {
			w.Errorf("viewed as due are %+v, want none", got)
		}
	}},
	{"come once", func(w *world) {
		d := w.onHold(noon)
		d.sub, _ = d.sub.At(noon)
		w.save(d)
		if got := w.lockOver(allDue, 10); len(got) > 0 {
			w.Errorf("over are %+v, want none", got)
		}
	}},
}

func (w *world) lockOver(now time.Time, limit int) (over []billing.Subscription) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		over, err = tx.Due.LockOver(ctx, now, limit)
		return err
	})
	return over
}

func (w *world) viewOver(now time.Time) (over []billing.Subscription) {
	w.Helper()
	w.must(w.Store.Views().Over(w.Context(), now, func(s billing.Subscription) error {
		over = append(over, s)
		return nil
	}))
	return over
}

func subIDs(list []billing.Subscription) (ids []billing.SubscriptionID) {
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

var dueViewCases = []testCase{
	{"list the same subscriptions, and change nothing", func(w *world) {
		for range 3 {
			w.subscribePaid()
		}
		q := ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 2}
		want := idsOf(w.lockDue(q))
		for range 2 {
			same(w, "viewed", idsOf(w.viewDue(q)), want)
		}
	}},
	{"list all payment systems without limit by default", func(w *world) {
		w.subscribePaid()
		w.subscribePaid()
		if got := w.viewDue(ports.DueQuery{Now: allDue}); len(got) != 2 {
			w.Errorf("viewed %d, want 2", len(got))
		}
	}},
	{"count due subscriptions", func(w *world) {
		w.subscribePaid()
		w.subscribePaid()
		for name, tt := range map[string]struct {
			q    ports.DueQuery
			want int
		}{
			"all":          {ports.DueQuery{Now: allDue, Limit: 1}, 2},
			"this system":  {ports.DueQuery{Now: allDue, Systems: []string{system}}, 2},
			"other system": {ports.DueQuery{Now: allDue, Systems: []string{"other"}}, 0},
			"too early":    {ports.DueQuery{Now: noon}, 0},
		} {
			n, err := w.Store.Views().CountDue(w.Context(), tt.q)
			if w.must(err); n != tt.want {
				w.Errorf("%s: %d, want %d", name, n, tt.want)
			}
		}
	}},
	{"stop at the first error of the callback", func(w *world) {
		w.subscribePaid()
		w.subscribePaid()
		calls := 0
		err := w.Store.Views().Due(w.Context(), ports.DueQuery{Now: allDue}, func(ports.Due) error {
			calls++
			return errOnPurpose
		})
		if w.wantErr(err, errOnPurpose); calls != 1 {
			w.Errorf("%d calls, want one", calls)
		}
	}},
}

var runCases = []testCase{
	{"are stored and replaced", func(w *world) {
		r := ports.Run{ID: newIDOf[string](), StartedAt: noon}
		for range 2 {
			w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Runs.Put(ctx, r) })
			r.FinishedAt, r.Error = noon.Add(time.Minute), "unavailable"
			r.Summary = ports.Summary{Settled: 1, Due: 2, Renewed: 3, Declined: 4, Held: 2, Unknown: 5, Ended: 6, Failed: 7, Waiting: 8}
		}
	}},
}

// subscribePaid stores an active subscription with a succeeded payment.
func (w *world) subscribePaid() purchase {
	w.Helper()
	return w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
}

func (w *world) lockDue(q ports.DueQuery) (due []ports.Due) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		due, err = tx.Due.LockDue(ctx, q)
		return err
	})
	return due
}

// claimDue bills due subscriptions, like a renewal run.
func (w *world) claimDue(limit int) (due []ports.Due, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		if due, err = tx.Due.LockDue(ctx, ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: limit}); err != nil {
			return err
		}
		for _, d := range due {
			s, p, _, billed := d.Bill(newIDOf[billing.PaymentID](), d.Method, billing.Calendar{}, allDue)
			if !billed {
				return fmt.Errorf("LockDue returned subscription %s, which is not due", d.ID)
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
