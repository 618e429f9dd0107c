package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/ports"
)

// world is a clock and the due moments of subscriptions. A run takes a minute.
type world struct {
	clock time.Time
	due   []time.Time
	stops []string
	fail  error
	error string
}

func (w *world) stepper() stepper {
	return stepper{
		now: func(context.Context) (time.Time, error) { return w.clock, nil },
		due: func(_ context.Context, from, until time.Time) (first time.Time, err error) {
			for _, at := range w.due {
				if at.After(from) && !at.After(until) && (first.IsZero() || at.Before(first)) {
					first = at
				}
			}
			return first, nil
		},
		advance: func(_ context.Context, d time.Duration) error { w.clock = w.clock.Add(d); return nil },
		run: func(_ context.Context, from time.Time) (ports.Run, error) {
			return ports.Run{StartedAt: from, FinishedAt: from.Add(time.Minute), Error: w.error}, w.fail
		},
		report: func(r ports.Run) { w.stops = append(w.stops, formatTime(r.StartedAt)) },
	}
}

func TestStepper_StopsAtEachDueMoment(t *testing.T) {
	t.Parallel()
	start := time.Date(2028, time.January, 31, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	tests := map[string]struct {
		due   []time.Time
		stops []string
	}{
		"nothing is due":              {nil, nil},
		"due after the target":        {[]time.Time{start.Add(366 * day)}, nil},
		"due at the target":           {[]time.Time{start.Add(365 * day)}, []string{"2029-01-30T12:00:00Z"}},
		"several moments":             {[]time.Time{start.Add(60 * day), start.Add(29 * day)}, []string{"2028-02-29T12:00:00Z", "2028-03-31T12:00:00Z"}},
		"due already":                 {[]time.Time{start.Add(-day)}, []string{"2028-01-31T12:00:00Z"}},
		"at the same moment":          {[]time.Time{start.Add(day), start.Add(day)}, []string{"2028-02-01T12:00:00Z"}},
		"cannot be charged by anyone": {[]time.Time{start, start.Add(day)}, []string{"2028-01-31T12:00:00Z", "2028-02-01T12:00:00Z"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{clock: start, due: test.due}
			if err := w.stepper().to(t.Context(), start.Add(365*day)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.stops, w.stops); diff != "" {
				t.Errorf("stops (-want +got):\n%s", diff)
			}
			if want := start.Add(365 * day); !w.clock.Equal(want) {
				t.Errorf("the clock is at %v, want %v", w.clock, want)
			}
		})
	}
}

func TestStepper_StaysWhereARunFails(t *testing.T) {
	t.Parallel()
	start := time.Date(2028, time.January, 31, 12, 0, 0, 0, time.UTC)
	for name, w := range map[string]*world{
		"the run failed": {error: "gave up on a payment system"},
		"no run":         {fail: errors.New("interrupted")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.clock, w.due = start, []time.Time{start.Add(time.Hour)}
			err := w.stepper().to(t.Context(), start.Add(48*time.Hour))
			if err == nil || !strings.Contains(err.Error(), "the clock stays at 2028-01-31T13:00:00Z") {
				t.Errorf("error is %v, want one with the time of the clock", err)
			}
			if !w.clock.Equal(start.Add(time.Hour)) {
				t.Errorf("the clock is at %v, want the due moment", w.clock)
			}
		})
	}
}

// Each case has one moment at which something is due within 31 days from 1 February on. The
// run of that moment is in the database already, so that the command does not wait.
func TestClockAdvance_Step(t *testing.T) {
	t.Parallel()
	const (
		active = `UPDATE subscriptions SET charging = false, status = 'active', past_due_since = NULL, grace_until = NULL,
			period_end = '2026-03-08T08:00Z', next_charge_at = '2026-03-08T08:00Z'`
		free = `UPDATE subscriptions SET charging = false, status = 'active', past_due_since = NULL, grace_until = NULL, next_charge_at = NULL,
			payment_method_id = NULL, payment_system = '', latest_payment_id = NULL, cancel_at_period_end = true, period_end = '2026-02-20T08:00Z'`
		ending = `INSERT INTO plan_endings (plan_id, started_at, author, reason, origin, viewers)
				SELECT id, '2026-02-01Z', 'ann', 'x', 'shell', 1 FROM plans;
			UPDATE plans SET archived_at = '2026-02-01Z', ending_at = '2026-02-01Z'`
		given = `INSERT INTO grants SELECT user_id, id, id, '2026-03-01T08:00Z', period_end, 'x', 'ann', 'x', '2026-01-01Z' FROM subscriptions`
	)
	tests := map[string]struct {
		vars []string
		sql  []string
		stop string // empty for none
	}{
		"a charge": {
			nil, []string{"UPDATE subscriptions SET charging = false, next_charge_at = '2026-02-02T08:00Z'"}, "2026-02-02T08:00:00Z",
		},
		"the end of a subscription on hold": {
			nil, []string{"UPDATE subscriptions SET charging = false, hold = 'card_expired', next_charge_at = NULL"}, "2026-02-08T00:00:00Z",
		},
		"the end of a plan that was given":      {nil, []string{free}, "2026-02-20T08:00:00Z"},
		"a reminder before a given period ends": {nil, []string{active, given}, "2026-03-01T08:00:00Z"},
		"a reminder at a configured time": {
			[]string{"BILLING_REMINDERS=trial=14d"}, []string{active, given}, "2026-02-22T08:00:00Z",
		},
		"a reminder that is overdue": {
			[]string{"BILLING_REMINDERS=trial=60d"}, []string{active, given}, "2026-02-01T00:00:00Z",
		},
		"a required notice": {
			[]string{"BILLING_NOTICE_REQUIRED=9d"}, []string{active}, "2026-02-26T08:00:00Z",
		},
		"no reminder while the plan is being ended":  {nil, []string{active, given, ending}, ""},
		"no reminder of a charge after a paid month": {nil, []string{active}, ""},
		"reminders off": {[]string{"BILLING_REMINDERS="}, []string{active, given}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDatabase(t)
			s.environ = append(append(s.environ, "BILLING_ENV=test"), tt.vars...)
			for _, sql := range append([]string{twoPayments}, tt.sql...) {
				exec(t, s.url(), sql)
			}
			want := ""
			if tt.stop != "" {
				exec(t, s.url(), `INSERT INTO renewal_runs (id, started_at, finished_at, due, renewed)
					VALUES (gen_random_uuid(), '`+tt.stop+`', '`+tt.stop+`'::timestamptz + interval '1 minute', 1, 1)`)
				want = "billingctl: " + tt.stop + "  renewal run: 1 due, 1 renewed, 0 declined, 0 ended\n"
			}
			s.run(t, boot.OK, "clock", "set", "2026-02-01T00:00:00Z")
			out, stderr := s.run(t, boot.OK, "clock", "advance", "31d", "--step")
			if stderr != want {
				t.Errorf("stderr is %q, want %q", stderr, want)
			}
			if !strings.HasPrefix(out, "2026-03-04T00:00:00Z  frozen") {
				t.Errorf("the clock is %q", out)
			}
		})
	}
}
