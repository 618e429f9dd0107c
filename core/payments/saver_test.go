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

// addSave stores the intent to save a method, as a process does before it crashes.
func (w world) addSave() billing.MethodSave {
	w.T.Helper()
	m := billing.NewPageMethod(billing.PaymentMethodID(w.NewID()), billingtest.Viewer, billingtest.System, w.Clock.Now())
	s := billing.NewSave(m, "https://cinema.example/done")
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		return errors.Join(tx.Users.Seen(ctx, w.Clock.Now(), m.UserID), tx.Methods.Add(ctx, m),
			tx.Saves.Add(ctx, w.saver(w.Provider).SendWindow(), s))
	})
	return s
}

func (w world) saver(s ports.Saver) *payments.MethodSaver { return w.Saver(w.Store, s) }

// openPage stores a save and opens its page.
func (w world) openPage() billing.MethodSave {
	w.T.Helper()
	s := w.saver(w.Provider)
	opened, err := s.Save(w.T.Context(), w.addSave(), s.SendDeadline())
	if err != nil || opened.Status != billing.MethodPending || opened.ActionURL != billingtest.SavePage {
		w.T.Fatalf("Save = %+v, %v; want pending with the page", opened, err)
	}
	return opened
}

// expectSweptSave sweeps in a new process, and expects one save with this status and code.
func (w world) expectSweptSave(s ports.Saver, status billing.MethodStatus, code billing.DeclineCode) {
	w.T.Helper()
	swept, err := w.saver(s).SweepSystem(w.T.Context(), billingtest.System, 10, 2)
	if err != nil || len(swept) != 1 || swept[0].Status != status || swept[0].DeclineCode != code {
		w.T.Errorf("SweepSystem = %+v, %v; want one save, %s %s", swept, err, status, code)
	}
}

func (w world) expectSystemsToSweep(want int) {
	w.T.Helper()
	if systems, err := w.saver(w.Provider).SystemsToSweep(w.T.Context()); err != nil || len(systems) != want {
		w.T.Errorf("SystemsToSweep = %v, %v; want %d", systems, err, want)
	}
}

// A notification brings the lookup of a save forward, and the lookup decides.
func TestNotified_BringsLookupOfSaveForward(t *testing.T) {
	t.Parallel()
	for name, notice := range map[string]func(billing.MethodSave) ports.Notice{
		"by method":    func(s billing.MethodSave) ports.Notice { return ports.Notice{Method: s.MethodID} },
		"by reference": func(s billing.MethodSave) ports.Notice { return ports.Notice{ProviderRef: s.ProviderRef} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				s := w.openPage()
				time.Sleep(time.Hour)
				w.expectSweptSave(w.Provider, billing.MethodPending, "") // the next lookup is in ten minutes
				w.expectSystemsToSweep(0)
				c := w.Process().Collector
				var results []payments.NoticeResult
				c.WatchNotice = func(_ string, r payments.NoticeResult) { results = append(results, r) }
				c.Listeners = map[string]ports.Listener{billingtest.System: listener{notice: notice(s)}}
				w.Provider.FinishSaves("")
				for range 2 {
					if err := c.Notified(w.T.Context(), billingtest.System, ports.Notification{}); err != nil {
						w.T.Fatal(err)
					}
					if len(results) == 1 {
						w.expectSweptSave(w.Provider, billing.MethodActive, "")
					}
				}
				if len(results) != 2 || results[0] != payments.NoticeAccepted || results[1] != payments.NoticeUnknown {
					w.T.Errorf("the results are %v, want accepted, then unknown", results)
				}
			})
		})
	}
}

// An absence counts only after the settling time.
func TestSweepSaves_Absent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.KeyLimits.Settling = time.Hour
		w.addSave()
		w.expectSystemsToSweep(0) // the process that stored it may still send it
		time.Sleep(billingtest.PastSendWindow)
		w.expectSweptSave(w.Provider, billing.MethodPending, "")
		time.Sleep(time.Hour)
		w.expectSweptSave(w.Provider, billing.MethodFailed, billing.NotSent)
		w.expectSystemsToSweep(0)
		if n := len(w.Provider.SaveRequests()); n != 0 {
			w.T.Errorf("%d requests were sent, want none: a sweep never repeats the viewer's request", n)
		}
	})
}

// finder answers every lookup with this outcome or error.
type finder struct {
	ports.Saver
	outcome billing.SaveOutcome
	err     error
}

func (f finder) FindSave(context.Context, ports.SaveQuery) (billing.SaveOutcome, error) {
	return f.outcome, f.err
}

func TestSweepSaves_Outcomes(t *testing.T) {
	t.Parallel()
	token := billing.NewSecret("tok_1")
	pending := billing.SaveOutcome{Status: billing.MethodPending, ActionURL: "https://bank.example/save"}
	for name, tt := range map[string]struct {
		after  time.Duration
		finder finder
		status billing.MethodStatus
		code   billing.DeclineCode
	}{
		"open":                        {24 * time.Hour, finder{outcome: pending}, billing.MethodPending, ""},
		"open for too long":           {25 * time.Hour, finder{outcome: pending}, billing.MethodFailed, billing.ActionExpired},
		"no answer for days":          {72 * time.Hour, finder{err: billingtest.ErrLost}, billing.MethodPending, ""},
		"page expired":                {time.Hour, finder{outcome: billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.ActionExpired}}, billing.MethodFailed, billing.ActionExpired},
		"active without a token":      {time.Hour, finder{outcome: billing.SaveOutcome{Status: billing.MethodActive}}, billing.MethodFailed, billing.MethodNotSaved},
		"active with an unusable one": {time.Hour, finder{outcome: billing.SaveOutcome{Status: billing.MethodActive, Token: billing.NewSecret("a b")}}, billing.MethodFailed, billing.MethodNotSaved},
		"active, strange brand":       {time.Hour, finder{outcome: billing.SaveOutcome{Status: billing.MethodActive, Token: token, Brand: "elo", Last4: "12345"}}, billing.MethodActive, ""},
		"an unknown status":           {time.Hour, finder{outcome: billing.SaveOutcome{Status: "strange"}}, billing.MethodPending, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.addSave()
				time.Sleep(tt.after)
				w.expectSweptSave(tt.finder, tt.status, tt.code)
				list, err := w.Methods(w.Store, w.Provider).List(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 1})
				if err != nil || list[0].Status() != tt.status || list[0].Brand != "" || list[0].Last4 != "" {
					w.T.Errorf("the list has %+v, %v; want %s, and no card", list, err, tt.status)
				}
			})
		})
	}
}

// The first final outcome wins.
func TestSweepSaves_FirstOutcomeWins(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		stored := w.openPage()
		w.Provider.FinishSaves("")
		w.expectSweptSave(w.Provider, billing.MethodActive, "")
		s := w.saver(finder{})
		again, err := s.Save(w.T.Context(), stored, s.SendDeadline().Add(-time.Hour)) // too late to be sent
		if err != nil || again.Status != billing.MethodActive {
			w.T.Errorf("Save = %+v, %v; want the active method", again, err)
		}
		w.ExpectHistory(billing.EventMethodAdded)
	})
}

// A payment system without an adapter, and a database that is down.
func TestSweepSaves_Unavailable(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.openPage()
		s := w.saver(w.Provider)
		clear(s.Savers)
		if swept, err := s.SweepSystem(w.T.Context(), billingtest.System, 10, 2); err != nil || len(swept) != 1 || swept[0].Settled() {
			w.T.Errorf("SweepSystem = %+v, %v; want one pending save", swept, err)
		}
		down := errors.New("the database is down")
		_, err := w.Saver(brokenStore{w.Store, down}, w.Provider).SweepSystem(w.T.Context(), billingtest.System, 10, 2)
		billingtest.ExpectError(w.T, err, down)
	})
}
