package viewers_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// FakeProvider looks for the agreement at each charge, so it was committed before. It is
// evidence even if nothing was charged.
func TestSubscribe_RecordsAgreement(t *testing.T) {
	t.Parallel()
	for _, f := range []billingtest.Fault{
		billingtest.NoFault, billingtest.Decline, billingtest.ConnectionRefused, billingtest.ResponseLost, billingtest.NeedsConfirmation,
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(f)
			cmd := billingtest.SubscribeBasic()
			cmd.TermsVersion = "2026-03"
			_, _ = w.Process().Subscribe(t.Context(), cmd)
			sub := w.Subscriptions()[0]
			want := billing.Event{
				UserID: billingtest.Viewer, Type: billing.EventAgreed, At: w.Clock.Now(), SubscriptionID: sub.ID, PlanCode: "basic",
				Agreement: billing.Agreement{
					Price: billingtest.Price, IntervalMonths: 1, DueNow: billingtest.Price,
					FirstChargeAt: w.Clock.Now().Add(billingtest.Month), TermsVersion: "2026-03",
				},
			}
			got := w.agreements()
			if len(got) != 1 {
				t.Fatalf("the agreements are %+v, want one", got)
			}
			want.ID = got[0].ID
			if got[0] != want {
				t.Errorf("the agreement is %+v, want %+v", got[0], want)
			}
		})
	}
}

func TestSubscribe_RefusedRequestRecordsNoAgreement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*viewers.Subscribe){
		"price":         func(c *viewers.Subscribe) { c.Price = billingtest.Rubles(1) },
		"plan":          func(c *viewers.Subscribe) { c.Plan = "gold" },
		"terms version": func(c *viewers.Subscribe) { c.TermsVersion = "\n" },
	} {
		cmd := billingtest.SubscribeBasic()
		change(&cmd)
		if _, err := w.Process().Subscribe(t.Context(), cmd); err == nil {
			t.Errorf("%s: Subscribe succeeded", name)
		}
	}
	w.expectNothingStored()

	w.MustSubscribe()
	_, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, billing.ErrAlreadySubscribed)
	if got := w.agreements(); len(got) != 1 {
		t.Errorf("the agreements are %+v, want the one of the first request", got)
	}
}

// The request that ends an old subscription has events of both.
func TestSubscribe_RecordsAgreementAfterEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.MustSubscribe()
	w.cancel("basic", billing.AtPeriodEnd)
	w.Clock.Advance(billingtest.Month)
	second := w.MustSubscribe()
	got := w.agreements()
	if len(got) != 2 || got[0].SubscriptionID != first.ID || got[1].SubscriptionID != second.ID {
		t.Errorf("the agreements are %+v, want one of each subscription", got)
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded, billing.EventSubscribed)
}

// agreements returns the agreements of [billingtest.Viewer], oldest first.
func (w world) agreements() (list []billing.Event) {
	w.T.Helper()
	events, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, e := range events {
		if e.Type == billing.EventAgreed {
			list = append([]billing.Event{e}, list...)
		}
	}
	return list
}
