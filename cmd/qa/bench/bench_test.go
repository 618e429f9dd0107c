package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

func TestQueries_WithReplacesParameters(t *testing.T) {
	t.Parallel()
	q := queries{"One": "SELECT sqlc.embed(s), @a::uuid, @ab FROM s\n"}
	got, err := q.with("One", values{"a": ":x", "ab": "NULL"})
	if want := "SELECT s.*, :x::uuid, NULL FROM s"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for name, v := range map[string]values{
		"missing value":            {"a": "1"},
		"unknown parameter":        {"a": "1", "ab": "2", "c": "3"},
		"one missing, one unknown": {"a": "1", "b": "2"},
	} {
		if got, err := q.with("One", v); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
	if _, err := q.with("Two", nil); err == nil {
		t.Error("unknown query: want an error")
	}
}

// Every script makes each write of a subscription once, in two transactions. Both append
// to the history.
func TestSignupScripts_Writes(t *testing.T) {
	t.Parallel()
	q, err := readQueries()
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range signupScripts {
		text, err := script.text(q, 10)
		if err != nil {
			t.Fatal(err)
		}
		for part, want := range map[string]int{
			"INSERT INTO users (": 1, "INSERT INTO payment_methods (": 1, "INSERT INTO subscriptions (": 1, "INSERT INTO payments (": 1,
			"UPDATE payments ": 1, "UPDATE subscriptions ": 1, "INSERT INTO events (": 2, "INSERT INTO panel_deltas (": 1,
		} {
			if n := strings.Count(text, part); n != want {
				t.Errorf("%s: %q occurs %d times, want %d", script.name, part, n, want)
			}
		}
		if strings.ContainsAny(text, "@{}") || strings.Count(text, "\nCOMMIT;") != 2 {
			t.Errorf("%s: want two transactions without placeholders:\n%s", script.name, text)
		}
		if got := strings.Count(text, "\\startpipeline"); (got == 2) != script.pipelined {
			t.Errorf("%s: %d pipelines", script.name, got)
		}
	}
}

func TestPopulation_DueTimesAreDistinct(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{20_000, 200_000, 1_000_000, 5_000_000} {
		p := population{rows, 1}
		if rows%7919 == 0 {
			t.Errorf("%d is a multiple of 7919, so due times would repeat", rows)
		}
		if last, next := p.dueAt(rows-1), p.dueAt(rows); !last.Before(next) || next != firstDue.AddDate(0, 1, 0) {
			t.Errorf("%d subscriptions: the last is due at %v, the first again at %v", rows, last, next)
		}
		if got, want := p.dueAt(rows+3).Sub(p.dueAt(rows)), 3*p.interval(); got != want {
			t.Errorf("%d subscriptions: three are due within %v, want %v", rows, got, want)
		}
	}
}

func TestFigures_RatioMedianPerItem(t *testing.T) {
	t.Parallel()
	of := func(rate int) run { return run{Result: worker.Result{Items: rate, Elapsed: time.Second}} }
	pairs := []pair{{of(100), of(50)}, {of(200), of(180)}, {of(100), of(120)}, {of(1), of(1)}}
	if diff := cmp.Diff(spread{0.95, 0.5, 1.2}, ratio(pairs)); diff != "" {
		t.Errorf("ratio (-want +got):\n%s", diff)
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median is %v, want 2", got)
	}
	got := run{Result: worker.Result{Items: 1000}}.perItem(12 * time.Millisecond)
	if got != 12 {
		t.Errorf("%v µs per item, want 12", got)
	}
}

func TestPgbench_RateAfterWarmup(t *testing.T) {
	t.Parallel()
	text := []byte("progress: 1.0 s, 10.0 tps, lat 1 ms\nprogress: 2.1 s, 100.0 tps, lat 1 ms\nprogress: 3.0 s, 300.0 tps, lat 1 ms\n")
	if got := rateAfter(time.Second, text); got != 200 {
		t.Errorf("rate %v, want 200", got)
	}
	if got := rateAfter(time.Minute, text); got != 0 {
		t.Errorf("rate %v without a line after the warm-up, want 0", got)
	}
}

func TestReport_JudgesTargets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target target
		met    bool
	}{
		{atLeast("", "", 0.95, exactly(0.95)), true},
		{atLeast("", "", 0.95, spread{0.94, 0.90, 1.20}), false},
		{atMost("", "", 10, " µs", exactly(10)), true},
		{atMost("", "", 10, " µs", spread{10.1, 9, 11}), false},
	} {
		for _, judged := range []bool{true, false} {
			s := section{Title: "x", Targets: []target{tt.target}, Judged: judged}
			r := report{Sections: []section{s}}
			if got, want := r.met(), tt.met || !judged; got != want {
				t.Errorf("%+v, judged %t: met returns %t, want %t", tt.target, judged, got, want)
			}
			if missed := strings.Contains(r.markdown(), "missed"); missed != (judged && !tt.met) {
				t.Errorf("%+v, judged %t: the table has missed: %t", tt.target, judged, missed)
			}
		}
	}
}

func TestParse_ChecksOptions(t *testing.T) {
	t.Parallel()
	if _, rest, err := parse([]string{"-rows", "50000", "-due", "5000", "renew", "pace"}); err != nil || len(rest) != 2 {
		t.Errorf("parts %v, %v; want 2 parts", rest, err)
	}
	for _, args := range [][]string{{}, {"everything"}, {"-rows", "100", "renew"}, {"-pairs", "0", "renew"}, {"-due", "10", "renew"}} {
		if _, _, err := parse(args); err == nil {
			t.Errorf("%q: want an error", args)
		}
	}
}

func TestEnv_ResumesSameOptionsOnly(t *testing.T) {
	t.Parallel()
	e := &env{options: options{Out: t.TempDir(), Rows: 1, Program: "this"}}
	text, err := json.Marshal(savedSection{e.resultOptions(), section{Name: "pace", Title: "stored"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.Out, "renew-pace.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, ok := e.resume("renew", "pace"); !ok || s.Title != "stored" {
		t.Errorf("same options: %+v, %t; want the stored section", s, ok)
	}
	changes := map[string]func(*env){
		"rows": func(e *env) { e.Rows = 2 }, "program": func(e *env) { e.Program = "another" },
		"force": func(e *env) { e.Force = true }, "fresh": func(e *env) { e.fresh = true },
	}
	for name, change := range changes {
		changed := *e
		change(&changed)
		if _, ok := changed.resume("renew", "pace"); ok {
			t.Errorf("other %s: the stored section is used", name)
		}
	}
	if _, ok := e.resume("renew", "peers"); ok {
		t.Error("a part without a file is resumed")
	}
}

func TestWatchHeap_SeesTheLargestHeap(t *testing.T) {
	t.Parallel()
	stop := worker.WatchHeap()
	block := make([]byte, 32<<20)
	runtime.GC()
	if got := stop(); got < int64(len(block)) {
		t.Errorf("the largest heap has %d bytes, want at least those of the block", got)
	}
	runtime.KeepAlive(block)
}
