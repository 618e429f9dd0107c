package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

func TestQueriesAreFilledIn(t *testing.T) {
	t.Parallel()
	q := queries{"One": "SELECT sqlc.embed(s), @a::uuid, @ab FROM s\n"}
	got, err := q.with("One", values{"a": ":x", "ab": "NULL"})
	if want := "SELECT s.*, :x::uuid, NULL FROM s"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for name, v := range map[string]values{
		"a value is missing":    {"a": "1"},
		"a value is of no use":  {"a": "1", "ab": "2", "c": "3"},
		"both, and another one": {"a": "1", "b": "2"},
	} {
		if got, err := q.with("One", v); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := q.with("Two", nil); err == nil {
		t.Error("a query that is not there is filled in")
	}
}

// What the scripts are made of is what the service runs.
func TestScriptsAreMadeOfTheServicesQueries(t *testing.T) {
	t.Parallel()
	q, err := readQueries()
	if err != nil {
		t.Fatal(err)
	}
	for _, pipelined := range []bool{false, true} {
		text, err := viewerScript(q, 10, pipelined)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"INSERT INTO subscriptions (", "INSERT INTO payments (", "UPDATE payments p", "UPDATE subscriptions s", "INSERT INTO events ("} {
			if strings.Count(text, part) != 1 {
				t.Errorf("pipelined %t: %q is there %d times", pipelined, part, strings.Count(text, part))
			}
		}
		if strings.Contains(text, "@") || strings.Count(text, "\nCOMMIT;") != 2 {
			t.Errorf("pipelined %t: not two whole transactions:\n%s", pipelined, text)
		}
	}
}

func TestACrowdIsDueOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{20_000, 200_000, 1_000_000, 5_000_000} {
		c := crowd{rows, 1}
		if rows%7919 == 0 {
			t.Errorf("%d is a multiple of 7919: two would be due at once", rows)
		}
		if last, next := c.dueAt(rows-1), c.dueAt(rows); !last.Before(next) || next != firstDue.AddDate(0, 1, 0) {
			t.Errorf("of %d the last is due at %v, and then the first at %v", rows, last, next)
		}
		if got, want := c.dueAt(rows+3).Sub(c.dueAt(rows)), 3*c.step(); got != want {
			t.Errorf("of %d three are due in %v, want %v", rows, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	of := func(rate int) run { return run{Done: worker.Done{Items: rate, Elapsed: time.Second}} }
	pairs := []pair{{of(100), of(50)}, {of(200), of(180)}, {of(100), of(120)}, {of(1), of(1)}}
	if diff := cmp.Diff(spread{0.95, 0.5, 1.2}, ratio(pairs)); diff != "" {
		t.Errorf("ratio (-want +got):\n%s", diff)
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median is %v", got)
	}
	got := run{Done: worker.Done{Items: 1000}}.perItem(12 * time.Millisecond)
	if got != 12 {
		t.Errorf("%v µs for each, want 12", got)
	}
}

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target target
		met    bool
	}{
		{atLeast("", "", 0.95, one(0.95)), true},
		{atLeast("", "", 0.95, spread{0.94, 0.90, 1.20}), false},
		{atMost("", "", 10, " µs", one(10)), true},
		{atMost("", "", 10, " µs", spread{10.1, 9, 11}), false},
	} {
		for _, judged := range []bool{true, false} {
			s := section{Title: "x", Targets: []target{tt.target}, Judged: judged}
			r := report{Sections: []section{s}}
			if got, want := r.met(), tt.met || !judged; got != want {
				t.Errorf("%+v, judged %t: met is %t, want %t", tt.target, judged, got, want)
			}
			if missed := strings.Contains(r.markdown(), "missed"); missed != (judged && !tt.met) {
				t.Errorf("%+v, judged %t: the table says missed: %t", tt.target, judged, missed)
			}
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, rest, err := parse([]string{"-rows", "50000", "-due", "5000", "renew", "pace"}); err != nil || len(rest) != 2 {
		t.Errorf("%v, %v", rest, err)
	}
	for _, args := range [][]string{{}, {"everything"}, {"-rows", "100", "renew"}, {"-pairs", "0", "renew"}, {"-due", "10", "renew"}} {
		if _, _, err := parse(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

// A part that was measured already comes from its file, unless anything is
// different.
func TestPartsAreResumed(t *testing.T) {
	t.Parallel()
	l := &lab{options: options{Out: t.TempDir(), Rows: 1, Program: "this"}}
	text, err := json.Marshal(kept{l.publicOptions(), section{Name: "pace", Title: "kept"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Out, "renew-pace.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, ok := l.resume("renew", "pace"); !ok || s.Title != "kept" {
		t.Errorf("%+v, %t", s, ok)
	}
	other := []func(*lab){
		func(l *lab) { l.Rows = 2 }, func(l *lab) { l.Program = "another" }, func(l *lab) { l.Force = true }, func(l *lab) { l.fresh = true },
	}
	for i, change := range other {
		changed := *l
		change(&changed)
		if _, ok := changed.resume("renew", "pace"); ok {
			t.Errorf("change %d: it is taken for the same", i)
		}
	}
	if _, ok := l.resume("renew", "peers"); ok {
		t.Error("a part that was not measured is resumed")
	}
}
