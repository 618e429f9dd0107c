package main

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/adapters/simulator"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

const zone = "Europe/Berlin" // has daylight saving time

// anchors are the local times of the first charges.
var anchors = []string{
	"2024-01-29 12:00:00", "2024-01-30 00:00:00", "2024-01-31 23:59:00", "2024-02-29 08:30:00",
	"2024-03-30 02:30:00", "2024-03-31 03:30:00", "2024-05-31 23:59:59", "2024-08-31 00:00:01",
	"2024-10-27 02:30:00", "2024-11-30 15:00:00", "2024-12-31 23:59:00", "2025-01-01 00:00:00",
}

const months = 48

// follower is a subscriber and the times of the expected charges.
type follower struct {
	user billing.UserID
	due  []time.Time // one per month; the first is the anchor
}

// The test makes four years of renewals for a dozen anchors, each at the exact second,
// with the test clock, the database and complete runs. It computes the expected dates
// in a different way: day by day up to the anchor's day or the end of the month.
func TestRenew_FourYearsOfDueDates(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	var followers []follower
	instants := map[time.Time][]billing.UserID{}
	for i, text := range anchors {
		f := follower{user: billing.UserID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))}
		anchor, err := time.ParseInLocation(time.DateTime, text, loc)
		if err != nil {
			t.Fatal(err)
		}
		for k := range months {
			at := monthsLater(anchor, k)
			f.due = append(f.due, at)
			instants[at] = append(instants[at], f.user)
		}
		followers = append(followers, f)
	}
	world := newWorld(t, url, loc)
	anchorOf := map[billing.UserID]time.Time{}
	for _, f := range followers {
		anchorOf[f.user] = f.due[0]
	}
	for _, at := range sorted(instants) {
		world.set(t, at)
		for _, user := range instants[at] {
			if anchorOf[user].Equal(at) {
				world.subscribe(t, user)
			}
		}
		world.run(t)
	}
	for i, f := range followers {
		got := world.starts(t, f.user)
		if len(got) < months {
			t.Errorf("anchor %s: %d charges, want at least %d", anchors[i], len(got), months)
			continue
		}
		for k, want := range f.due { // the earliest subscribers have more charges than that
			if !got[k].Equal(want) {
				t.Errorf("anchor %s: the period of charge %d starts at %v, want %v", anchors[i], k, got[k], want)
			}
		}
	}
}

// monthsLater returns the expected start of the period k months after the anchor.
func monthsLater(anchor time.Time, k int) time.Time {
	if k == 0 {
		return anchor
	}
	first := time.Date(anchor.Year(), anchor.Month(), 1, 12, 0, 0, 0, time.UTC)
	for range k {
		first = first.AddDate(0, 0, 40)
		first = first.AddDate(0, 0, 1-first.Day())
	}
	day := first
	for range anchor.Day() - 1 {
		if next := day.AddDate(0, 0, 1); next.Month() == first.Month() {
			day = next
		}
	}
	at := time.Date(day.Year(), day.Month(), day.Day(), anchor.Hour(), anchor.Minute(), anchor.Second(), 0, anchor.Location())
	// A local time that occurs twice means the first.
	if earlier := at.Add(-time.Hour); earlier.Format(time.DateTime) == at.Format(time.DateTime) {
		return earlier
	}
	return at
}

func sorted(m map[time.Time][]billing.UserID) []time.Time {
	var list []time.Time
	for at := range m {
		list = append(list, at)
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// world is a database with a catalogue, and the use cases on it.
type world struct {
	clock      *clock.Test
	subscriber *viewers.Subscriber
	renewer    *renewals.Renewer
	viewer     viewers.Queries
}

func newWorld(t *testing.T, url string, loc *time.Location) world {
	t.Helper()
	owner, err := postgres.OpenRole(t.Context(), url, "none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	simulatorPool, err := postgres.OpenRole(t.Context(), url, simulator.Role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulatorPool.Close)
	now := clock.NewTest(owner)
	store := postgres.NewStore(pgtest.Pool(t, url))
	c := operators.Catalog{Store: store, Clock: now, NewID: boot.NewID, By: operators.CLIOperator()}
	if _, err := c.AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: simulator.Code, Name: "Simulated"}); err != nil {
		t.Fatal(err)
	}
	price := billing.Money{Amount: 399_00, Currency: "RUB"}
	if _, err := c.AddPlan(t.Context(), billing.Plan{Code: "basic", Name: "Basic", Price: price, IntervalMonths: 1}); err != nil {
		t.Fatal(err)
	}
	collector := &payments.Collector{
		Store: store, Clock: now, NewID: boot.NewID, ChargeTimeout: time.Minute, RecordTimeout: time.Minute,
		Log:       slog.New(slog.DiscardHandler),
		Providers: map[string]ports.Provider{simulator.Code: simulator.New(simulatorPool, simulator.Config{Clock: now})},
	}
	calendar := billing.NewCalendar(loc)
	return world{
		clock: now, viewer: viewers.Queries{Store: store, Clock: now},
		subscriber: &viewers.Subscriber{Store: store, Clock: now, NewID: boot.NewID, Calendar: calendar, Collector: collector},
		renewer: &renewals.Renewer{
			Store: store, Clock: now, NewID: boot.NewID, Calendar: calendar, Collector: collector,
			Concurrency: 4, Log: slog.New(slog.DiscardHandler),
		},
	}
}

func (w world) set(t *testing.T, at time.Time) {
	t.Helper()
	if err := w.clock.Set(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

func (w world) subscribe(t *testing.T, user billing.UserID) {
	t.Helper()
	_, err := w.subscriber.Subscribe(t.Context(), viewers.Subscribe{
		User: user, Plan: "basic", Price: billing.Money{Amount: 399_00, Currency: "RUB"},
		PaymentSystem: simulator.Code, Token: billing.NewSecret("tok_ok"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) run(t *testing.T) {
	t.Helper()
	if sum, err := w.renewer.Run(t.Context()); err != nil || sum.Trouble() {
		t.Fatalf("renewal run: %+v, %v", sum, err)
	}
}

// starts returns the starts of the periods that the user has paid for, oldest first.
func (w world) starts(t *testing.T, user billing.UserID) (starts []time.Time) {
	t.Helper()
	list, err := w.viewer.Payments(t.Context(), user, ports.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range slices.Backward(list) {
		if p.Status == billing.PaymentSucceeded {
			starts = append(starts, p.Period.Start)
		}
	}
	return starts
}
