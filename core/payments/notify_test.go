package payments_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// listener reads every notification as this notice.
type listener struct {
	notice ports.Notice
	err    error
}

func (l listener) ReadNotification(ports.Notification) (ports.Notice, error) { return l.notice, l.err }

// A notification brings the lookup forward, and the lookup decides: a notification of a
// success does not make a payment succeed.
func TestNotified_OnlyBringsLookupForward(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.SetFault(billingtest.NeedsConfirmation)
		w.MustSubscribe()
		time.Sleep(time.Hour)
		w.ExpectSweep(0, 1) // the next lookup is in ten minutes
		p := w.Payments()[0]
		c := w.Process().Collector
		var results []payments.NoticeResult
		c.WatchNotice = func(system string, r payments.NoticeResult) { results = append(results, r) }
		c.Listeners = map[string]ports.Listener{billingtest.System: listener{notice: ports.Notice{Key: p.ID}}}
		for _, confirmed := range []bool{false, true, true} { // the last is late
			if confirmed {
				w.Provider.ConfirmAll()
			}
			if err := c.Notified(w.T.Context(), billingtest.System, ports.Notification{}); err != nil {
				w.T.Fatal(err)
			}
			want := billing.PaymentPending
			if confirmed {
				want = billing.PaymentSucceeded
			}
			if _, err := w.Process().Sweep(w.T.Context(), 10, 1); err != nil {
				w.T.Fatal(err)
			}
			if got := w.Payments()[0].Status; got != want {
				w.T.Errorf("after a notification the payment is %s, want %s", got, want)
			}
		}
		want := []payments.NoticeResult{payments.NoticeAccepted, payments.NoticeAccepted, payments.NoticeUnknown}
		if len(results) != 3 || results[0] != want[0] || results[1] != want[1] || results[2] != want[2] {
			w.T.Errorf("the results are %v, want %v", results, want)
		}
		w.ExpectCharges(1)
	})
}

func TestNotified_Errors(t *testing.T) {
	t.Parallel()
	down := errors.New("the database is down")
	for name, tt := range map[string]struct {
		system   string
		listener listener
		store    func(ports.Store) ports.Store
		want     error
		result   payments.NoticeResult
	}{
		"no such payment system": {"other", listener{}, nil, billing.ErrPaymentSystemNotFound, ""},
		"forged":                 {billingtest.System, listener{err: ports.ErrForged}, nil, ports.ErrForged, payments.NoticeForged},
		"about something else":   {billingtest.System, listener{err: ports.ErrIrrelevant}, nil, nil, payments.NoticeIrrelevant},
		"unknown payment":        {billingtest.System, listener{notice: ports.Notice{Key: "p"}}, nil, nil, payments.NoticeUnknown},
		"database down": {billingtest.System, listener{notice: ports.Notice{Key: "p"}}, func(s ports.Store) ports.Store {
			return brokenStore{s, down}
		}, down, payments.NoticeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var store ports.Store = w.Store
			if tt.store != nil {
				store = tt.store(store)
			}
			c := w.ProcessOver(store, w.Provider).Collector
			c.Listeners = map[string]ports.Listener{billingtest.System: tt.listener}
			var result payments.NoticeResult
			c.WatchNotice = func(_ string, r payments.NoticeResult) { result = r }
			if err := c.Notified(t.Context(), tt.system, ports.Notification{}); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			if result != tt.result {
				t.Errorf("the result is %q, want %q", result, tt.result)
			}
		})
	}
}

// brokenStore fails every transaction.
type brokenStore struct {
	ports.Store
	err error
}

func (s brokenStore) InTx(context.Context, func(ports.Repos) error) error { return s.err }
