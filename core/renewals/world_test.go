package renewals_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

type world struct{ billingtest.World }

func inBubble(t *testing.T, f func(w world)) {
	t.Helper()
	billingtest.InBubble(t, func(w billingtest.World) { f(world{w}) })
}

func (w world) withProvider(code string) world { return world{w.WithProvider(code)} }

// addSubscribers subscribes n new viewers to the plan basic, and pays for the first
// period.
func (w world) addSubscribers(n int) []billing.UserID {
	w.T.Helper()
	users := make([]billing.UserID, n)
	for i := range users {
		users[i] = billing.UserID("viewer-" + w.NewID())
		cmd := billingtest.SubscribeBasic()
		cmd.User, cmd.PaymentSystem = users[i], w.Provider.Code
		if _, err := w.Process().Subscribe(w.T.Context(), cmd); err != nil {
			w.T.Fatal(err)
		}
	}
	return users
}

func (w world) cancel(user billing.UserID, at billing.CancelAt) error {
	_, err := w.Process().Cancel(context.WithoutCancel(w.T.Context()), viewers.Cancel{User: user, Ref: "basic", At: at})
	return err
}

// expectRun makes a run in a new process and compares its summary.
func (w world) expectRun(want ports.Summary) {
	w.T.Helper()
	w.expectRunOf(w.Renewer(), want, nil)
}

func (w world) expectRunOf(r *renewals.Renewer, want ports.Summary, wantErr error) {
	w.T.Helper()
	got, err := r.Run(w.T.Context())
	billingtest.ExpectError(w.T, err, wantErr)
	if got != want {
		w.T.Errorf("the summary is %+v, want %+v", got, want)
	}
}

// runUntilQuiet makes a run per send window until one has nothing left to do.
func (w world) runUntilQuiet() {
	w.T.Helper()
	for range 10 {
		time.Sleep(billingtest.PastSendWindow)
		got, err := w.Renewer().Run(w.T.Context())
		billingtest.ExpectError(w.T, err, nil)
		if got == (ports.Summary{}) {
			return
		}
	}
	w.T.Error("the tenth run still had work to do")
}

// subscriptionOf returns the user's only subscription.
func (w world) subscriptionOf(user billing.UserID) ports.SubscriptionView {
	w.T.Helper()
	list, err := w.Queries().Subscriptions(context.WithoutCancel(w.T.Context()), user, ports.Page{Limit: 1})
	if err != nil || len(list) != 1 {
		w.T.Fatalf("viewer %s has %d subscriptions, %v, want one", user, len(list), err)
	}
	return list[0]
}

// history returns the user's events except for agreements, oldest first.
func (w world) history(user billing.UserID) []billing.Event {
	w.T.Helper()
	events, err := w.Queries().History(w.T.Context(), user, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	slices.Reverse(events)
	return slices.DeleteFunc(events, func(e billing.Event) bool { return e.Type == billing.EventAgreed })
}

// expectAll compares the status of each user's subscription.
func (w world) expectAll(users []billing.UserID, want billing.Status) {
	w.T.Helper()
	for _, u := range users {
		if s := w.subscriptionOf(u); s.Status != want {
			w.T.Errorf("the subscription of %s is %s, its payment %s, want %s", u, s.Status, s.Latest.Status, want)
		}
	}
}

// expectPaid expects n charges per user, for n different periods, both in the ledger
// and in the payments table.
func (w world) expectPaid(users []billing.UserID, n int) {
	w.T.Helper()
	ledger := make(map[billing.PaymentID]int)
	for _, e := range w.Provider.Entries() {
		ledger[e.Key]++
	}
	for _, u := range users {
		list, err := w.Queries().Payments(context.WithoutCancel(w.T.Context()), u, ports.Page{Limit: 1000})
		if err != nil {
			w.T.Fatal(err)
		}
		periods, charges := make(map[time.Time]bool), 0
		for _, p := range list {
			charges += ledger[p.ID]
			if p.Status == billing.PaymentSucceeded {
				periods[p.Period.Start] = true
			}
		}
		if charges != n || len(periods) != n {
			w.T.Errorf("%s was charged %d times and has paid for %d periods, want %d", u, charges, len(periods), n)
		}
	}
	w.ExpectReconciled()
}
