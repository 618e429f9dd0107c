package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var historyCases = []testCase{
	{"keeps every field of an event", func(w *world) {
		d := w.subscribe(0)
		bare, full := d.event(billing.EventCancelRequested), d.event(billing.EventPaymentDeclined)
		full.PaymentID, full.Amount, full.DeclineCode = d.pay.ID, d.pay.Amount, billing.CardExpired
		full.MethodID = d.sub.MethodID
		full.AccessUntil, full.RetryAt, full.PlanCode = noon.Add(time.Hour), noon.Add(time.Minute), "renamed-since"
		w.append(bare, full)
		w.wantEvents(d.sub.UserID, ports.Page{Limit: 10}, full, bare)
	}},
	{"keeps every field of an agreement", func(w *world) {
		d := w.subscribe(0)
		agreed, ended := d.event(billing.EventAgreed), d.event(billing.EventEnded)
		agreed.AccessUntil, agreed.PlanCode = noon.Add(time.Hour), "renamed-since"
		agreed.Agreement = billing.Agreement{
			Price: billing.Money{Amount: 99_00, Currency: "KZT"}, IntervalMonths: 12,
			DueNow: billing.Money{Amount: 1, Currency: "KZT"}, FirstChargeAt: noon.Add(time.Minute), TermsVersion: "оферта 7",
		}
		bare := d.event(billing.EventAgreed)
		bare.Agreement = billing.Agreement{
			Price: d.sub.Price, IntervalMonths: 1, DueNow: billing.Money{Currency: d.sub.Price.Currency}, FirstChargeAt: noon,
		}
		w.append(agreed, ended, bare)
		w.wantEvents(d.sub.UserID, ports.Page{Limit: 10}, bare, ended, agreed)
	}},
	{"comes in pages, newest first, of one user", func(w *world) {
		d, other := w.subscribe(0), w.subscribe(0)
		var all []billing.Event
		for range 5 {
			all = append(all, d.event(billing.EventCancelRequested))
			w.append(other.event(billing.EventCancelRevoked))
		}
		w.append(all...)
		slices.Reverse(all)
		user := d.sub.UserID
		w.wantEvents(user, ports.Page{Limit: 10}, all...)
		w.wantEvents(user, ports.Page{Limit: 2}, all[:2]...)
		w.wantEvents(user, ports.Page{Limit: 2, Before: string(all[1].ID)}, all[2:4]...)
		w.wantEvents(user, ports.Page{Limit: 2, Before: string(all[3].ID)}, all[4:]...)
		w.wantEvents(user, ports.Page{Limit: 2, Before: string(all[4].ID)})
	}},
	{"is ordered by time, then by id", func(w *world) {
		d := w.subscribe(0)
		later, first, second, late := d.event(billing.EventCancelRequested), d.event(billing.EventSubscribed),
			d.event(billing.EventRenewed), d.event(billing.EventEnded)
		later.At, late.At = noon.Add(time.Hour), noon.Add(-time.Hour) // late was recorded last
		w.append(second, later, first, late)
		user := d.sub.UserID
		w.wantEvents(user, ports.Page{Limit: 10}, later, second, first, late)
		w.wantEvents(user, ports.Page{Limit: 2, Before: string(later.ID)}, second, first)
		w.wantEvents(user, ports.Page{Limit: 2, Before: string(first.ID)}, late)
	}},
	{"has nothing after an event of another user", func(w *world) {
		d, other := w.subscribe(0), w.subscribe(0)
		theirs := other.event(billing.EventEnded)
		w.append(d.event(billing.EventRenewed), theirs)
		w.wantEvents(d.sub.UserID, ports.Page{Limit: 10, Before: string(theirs.ID)})
		w.wantEvents(d.sub.UserID, ports.Page{Limit: 10, Before: newIDOf[string]()})
	}},
	{"takes batches of any size", func(w *world) {
		d := w.subscribe(0)
		w.append()
		var all []billing.Event
		for range 100 {
			all = append(all, d.event(billing.EventCancelRequested))
		}
		w.append(all...)
		slices.Reverse(all)
		w.wantEvents(d.sub.UserID, ports.Page{Limit: 1000}, all...)
	}},
}

func (d purchase) event(t billing.EventType) billing.Event {
	return billing.Event{
		ID: newIDOf[billing.EventID](), UserID: d.sub.UserID, Type: t, At: noon,
		SubscriptionID: d.sub.ID, PlanCode: d.sub.PlanCode,
	}
}

func (w *world) append(e ...billing.Event) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Events.Append(ctx, e...) })
}

func (w *world) wantEvents(user billing.UserID, p ports.Page, want ...billing.Event) {
	w.Helper()
	got, err := w.Store.Views().Events(w.Context(), user, p)
	w.must(err)
	sameList(w, "events", got, want)
}
