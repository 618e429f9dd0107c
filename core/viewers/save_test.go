package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func saveMethod() viewers.SaveMethod {
	return viewers.SaveMethod{User: billingtest.Viewer, PaymentSystem: billingtest.System, ReturnURL: "https://cinema.example/done"}
}

// mustSave opens a page for the viewer.
func mustSave(w billingtest.World) viewers.Method {
	w.T.Helper()
	m, err := w.Methods(w.Store, w.Provider).Save(w.T.Context(), saveMethod())
	if err != nil || m.Status() != billing.MethodPending || m.ActionURL != billingtest.SavePage {
		w.T.Fatalf("Save = %+v, %v; want pending with the page", m, err)
	}
	return m
}

// sweepSaves waits for the end of the send window, and sweeps in a new process.
func sweepSaves(w billingtest.World) {
	w.T.Helper()
	time.Sleep(billingtest.PastSendWindow)
	if _, err := w.Saver(w.Store, w.Provider).SweepSystem(w.T.Context(), billingtest.System, 10, 4); err != nil {
		w.T.Error(err)
	}
}

// expectSaved expects that the newest payment method of the viewer has this status.
func expectSaved(w billingtest.World, want billing.MethodStatus) viewers.Method {
	w.T.Helper()
	list, err := w.Methods(w.Store, w.Provider).List(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 10})
	if err != nil || len(list) == 0 || list[0].Status() != want {
		w.T.Fatalf("the payment methods are %+v, %v; want the newest %s", list, err, want)
	}
	return list[0]
}

func forget(w billingtest.World) payments.Forgotten {
	w.T.Helper()
	f, err := w.Forgetter(w.Store, w.Provider).Forget(w.T.Context(), 10, 4)
	if err != nil {
		w.T.Error(err)
	}
	return f
}

// The viewer saves a card on a page, makes it the method of a subscription, and the next
// renewal charges it.
func TestSaveMethod(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		w.MustSubscribe()
		m := mustSave(w)
		want := ports.SaveRequest{Key: m.ID, Payer: billingtest.Viewer, ReturnURL: "https://cinema.example/done"}
		if r := w.Provider.SaveRequests(); len(r) != 1 || r[0] != want {
			w.T.Errorf("the payment system received %+v, want %+v", r, want)
		}
		w.ExpectHistory(billing.EventSubscribed)
		w.Clock.Advance(time.Minute)
		w.Provider.FinishSaves("")
		sweepSaves(w)
		saved := expectSaved(w, billing.MethodActive)
		if saved.ID != m.ID || saved.Brand != billing.Visa || saved.Last4 != "4242" || saved.ActionURL != "" || saved.Kind() != billing.FromToken {
			w.T.Errorf("the saved method is %+v", saved)
		}
		events, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 1})
		if err != nil || events[0].Type != billing.EventMethodAdded || events[0].MethodID != m.ID || !events[0].At.Equal(w.Clock.Now()) {
			w.T.Errorf("the newest event is %+v, %v; want the added method at the time when it became active", events, err)
		}
		w.ExpectCharges(1) // of the subscription
		_, err = w.Process().Replace(w.T.Context(), viewers.Replace{User: billingtest.Viewer, Ref: "basic", Source: viewers.Source{Method: m.ID}})
		billingtest.ExpectError(w.T, err, nil)
		w.Clock.Advance(billingtest.Month)
		if sum, err := w.Renewer().Run(w.T.Context()); err != nil || sum.Renewed != 1 {
			w.T.Errorf("the run returns %+v, %v; want a renewal", sum, err)
		}
		all := w.Provider.Requests()
		if !all[len(all)-1].Token.Equal(billingtest.SavedToken(m.ID)) {
			w.T.Error("the renewal was not charged to the saved method")
		}
		w.ExpectReconciled()
	})
}

func TestSaveMethod_Refusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(billingtest.World, *viewers.Methods, *viewers.SaveMethod)
		want   error
	}{
		"unknown payment system": {func(_ billingtest.World, _ *viewers.Methods, c *viewers.SaveMethod) { c.PaymentSystem = "other" }, billing.ErrPaymentSystemNotFound},
		"archived payment system": {func(w billingtest.World, _ *viewers.Methods, _ *viewers.SaveMethod) {
			_, err := w.Catalog().ArchivePaymentSystem(w.T.Context(), billingtest.System)
			billingtest.ExpectError(w.T, err, nil)
		}, billing.ErrPaymentSystemNotFound},
		"no adapter":    {func(_ billingtest.World, m *viewers.Methods, _ *viewers.SaveMethod) { clear(m.Providers) }, billing.ErrPaymentSystemUnavailable},
		"saves nothing": {func(_ billingtest.World, m *viewers.Methods, _ *viewers.SaveMethod) { clear(m.Saver.Savers) }, billing.ErrNotSupported},
		"too many payment methods": {func(w billingtest.World, m *viewers.Methods, _ *viewers.SaveMethod) {
			mustSave(w)
			m.Limits.Cards = billing.Limits{{Max: 1, Per: time.Hour}}
		}, billing.ErrRateLimited},
		"connection refused":        {fault(billingtest.ConnectionRefused), billing.ErrUnavailable},
		"credentials are not valid": {fault(billingtest.BadCredentials), billing.ErrUnavailable},
		"request refused":           {fault(billingtest.RequestRefused), ports.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			billingtest.InBubble(t, func(w billingtest.World) {
				methods, cmd := w.Methods(w.Store, w.Provider), saveMethod()
				tt.change(w, methods, &cmd)
				_, err := methods.Save(w.T.Context(), cmd)
				billingtest.ExpectError(w.T, err, tt.want)
				w.ExpectHistory()
				list, err := methods.List(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 10})
				for _, m := range list {
					if m.Status() == billing.MethodActive {
						w.T.Errorf("an active method is stored: %+v", m)
					}
				}
				billingtest.ExpectError(w.T, err, nil)
			})
		})
	}
}

func fault(f billingtest.Fault) func(billingtest.World, *viewers.Methods, *viewers.SaveMethod) {
	return func(w billingtest.World, _ *viewers.Methods, _ *viewers.SaveMethod) { w.Provider.SetFault(f) }
}

// A method that is not active pays nothing.
func TestSaveMethod_UnusableUntilActive(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.Decline)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		w.Provider.SetFault(billingtest.NoFault)
		m, sent := mustSave(w), len(w.Provider.Requests())
		expectUnusable(w, m.ID, "not saved yet")
		w.Provider.FinishSaves(billing.ActionExpired)
		sweepSaves(w)
		expectSaved(w, billing.MethodFailed)
		expectUnusable(w, m.ID, "was not saved")
		if n := len(w.Provider.Requests()); n != sent {
			w.T.Errorf("%d charges were sent", n-sent)
		}
	})
}

// expectUnusable expects that the past due subscription can be neither paid nor moved to the
// method.
func expectUnusable(w billingtest.World, id billing.PaymentMethodID, text string) {
	w.T.Helper()
	from := viewers.Source{Method: id}
	_, replaced := w.Process().Replace(w.T.Context(), viewers.Replace{User: billingtest.Viewer, Ref: "basic", Source: from})
	_, paid := w.Process().Pay(w.T.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price, Source: from})
	for _, err := range []error{replaced, paid} {
		if !errors.Is(err, billing.ErrInvalidTransition) || !strings.Contains(err.Error(), text) {
			w.T.Errorf("got error %v, want ErrInvalidTransition because it %s", err, text)
		}
	}
}

// The viewer removes a method that is being saved, and saves the card nevertheless. The
// payment system forgets its token.
func TestSaveMethod_RemovedWhilePending(t *testing.T) {
	t.Parallel()
	for name, saves := range map[string]bool{"left": false, "saved nevertheless": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			billingtest.InBubble(t, func(w billingtest.World) {
				m := mustSave(w)
				if err := w.Methods(w.Store, w.Provider).Remove(w.T.Context(), billingtest.Viewer, m.ID); err != nil {
					w.T.Fatal(err)
				}
				code := billing.DeclineCode(billing.ActionExpired)
				if saves {
					code = ""
				}
				w.Provider.FinishSaves(code)
				sweepSaves(w)
				w.ExpectHistory(billing.EventMethodRemoved)
				want := payments.Forgotten{}
				if saves {
					want.Done = 1
				}
				if got := forget(w); got != want || w.Provider.Forgot(billingtest.SavedToken(m.ID)) != want.Done {
					w.T.Errorf("forgot %+v, want %+v", got, want)
				}
			})
		})
	}
}

// respondSave replays the response to a request to save a method, or runs the request.
func respondSave(w billingtest.World, m *viewers.Methods, r ports.KeyedRequest) (ports.Response, error) {
	ctx := w.T.Context()
	requests := viewers.Requests{Store: m.Store}
	respond := func(v viewers.Method) (ports.Response, error) {
		return requests.Keep(ctx, r, ports.Response{Status: 202, Body: fmt.Append(nil, v.ID)})
	}
	stored, work, err := requests.Replay(ctx, r)
	switch {
	case err != nil:
		return ports.Response{}, err
	case stored != nil:
		return *stored, nil
	case work != nil:
		r = work.Claim
		return respond(*work.Method)
	}
	cmd := saveMethod()
	cmd.Request = &r
	v, err := m.Save(ctx, cmd)
	if err != nil {
		return ports.Response{}, err
	}
	return respond(v)
}

// A process crashes while it opens a page. Another one finishes the work, and a repeated
// request never opens a second page beside one that works.
func TestSaveMethod_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, f := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.ConnectionRefused} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			for n, done := 0, false; !done; n++ {
				t.Run(fmt.Sprintf("crash at step %d", n+1), func(t *testing.T) {
					billingtest.InBubble(t, func(w billingtest.World) { done = crashOfSave(w, billingtest.CrashAfter(n), f) })
				})
			}
		})
	}
}

// crashOfSave reports whether the process has finished without a crash.
func crashOfSave(w billingtest.World, crash *billingtest.Crash, f billingtest.Fault) (done bool) {
	ids := 0
	request := func() ports.KeyedRequest {
		ids++
		return ports.KeyedRequest{User: billingtest.Viewer, Key: "key", Fingerprint: [32]byte{1}, Owner: fmt.Sprint("attempt-", ids)}
	}
	w.Provider.SetFault(f)
	_, _ = respondSave(w, w.Methods(crash.Store(w.Store), crash.Saver(w.Provider)), request())
	w.Provider.SetFault(billingtest.NoFault)
	sweepSaves(w)
	var first ports.Response
	for i := range 3 {
		r, err := respondSave(w, w.Methods(w.Store, w.Provider), request())
		if i == 0 {
			first = r
		}
		if err != nil || string(r.Body) != string(first.Body) {
			w.T.Errorf("repeated request: %s, %v; want %s", r.Body, err, first.Body)
		}
	}
	w.Provider.FinishSaves("")
	sweepSaves(w)
	active := 0
	list, err := w.Methods(w.Store, w.Provider).List(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 10})
	for _, m := range list {
		if m.Saving {
			w.T.Errorf("method %s is still being saved", m.ID)
		}
		if m.Status() == billing.MethodActive {
			active++
		}
	}
	if err != nil || active > 1 {
		w.T.Errorf("%d methods are active, %v; want one", active, err)
	}
	return !crash.Happened()
}

// A request whose outcome is unknown is running for the viewer, until a sweep has found the
// page, or found that there is none.
func TestSaveMethod_UnknownOutcome(t *testing.T) {
	t.Parallel()
	for f, want := range map[billingtest.Fault]billing.MethodStatus{
		billingtest.ResponseLost: billing.MethodPending, billingtest.RequestLost: billing.MethodFailed,
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			billingtest.InBubble(t, func(w billingtest.World) {
				w.Provider.SetFault(f)
				m, err := w.Methods(w.Store, w.Provider).Save(w.T.Context(), saveMethod())
				if err != nil || m.Status() != billing.MethodPending || m.ActionURL != "" {
					w.T.Fatalf("Save = %+v, %v; want pending without a page", m, err)
				}
				sweepSaves(w)
				if found := expectSaved(w, want); (found.ActionURL != "") != (want == billing.MethodPending) {
					w.T.Errorf("the method is %+v", found)
				}
			})
		})
	}
}

// hangingStore fails the transaction that records the outcome.
type hangingStore struct {
	ports.Store
	n int
}

func (s *hangingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.n++; s.n > 1 {
		return billing.ErrUnavailable
	}
	return s.Store.InTx(ctx, f)
}

func TestSaveMethod_NotRecorded(t *testing.T) {
	t.Parallel()
	billingtest.InBubble(t, func(w billingtest.World) {
		_, err := w.Methods(&hangingStore{Store: w.Store}, w.Provider).Save(w.T.Context(), saveMethod())
		if !errors.Is(err, billing.ErrUnavailable) || !strings.Contains(err.Error(), "is being saved") {
			w.T.Errorf("got error %v, want that the method is being saved", err)
		}
		sweepSaves(w)
		expectSaved(w, billing.MethodPending)
	})
}
