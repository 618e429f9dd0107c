package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Scenario names must be unique because --only repeats a trial by its name.
func TestScenarios_AreUniqueAndFindAllMutants(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range scenarios() {
		if slices.Contains(names, s.name) {
			t.Errorf("two scenarios are named %s", s.name)
		}
		if s.run == nil || s.description == "" || s.short+s.long == 0 {
			t.Errorf("scenario %s has no function, no description or no trials", s.name)
		}
		names = append(names, s.name)
	}
	for _, m := range mutants {
		if _, err := regexp.Compile(m.pattern); err != nil || m.pattern == "" {
			t.Errorf("planted bug %s: bad pattern %q: %v", m.name, m.pattern, err)
		}
		if !slices.Contains(names, m.scenario) {
			t.Errorf("planted bug %s: scenario %s does not exist", m.name, m.scenario)
		}
	}
	for name := range schemaMutants {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.name == name }) {
			t.Errorf("schema bug %s is not in mutants, so no scenario looks for it", name)
		}
	}
}

func TestPeriods_ShortMonths(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"} {
		if got := monthsAfter(january31, n).Format(time.DateOnly); got != want {
			t.Errorf("%d months after 31 January is %s, want %s", n, got, want)
		}
		if got := dueAt(n).Format(time.DateOnly); got != want {
			t.Errorf("renewal %d is due on %s, want %s", n, got, want)
		}
	}
	february := paidPeriod{Anchor: january31, Months: 1, Start: dueAt(1), End: dueAt(2)}
	if n, ok := february.index(); n != 1 || !ok {
		t.Errorf("28 February to 31 March is period %d, %t, want 1, true", n, ok)
	}
	february.End = february.Start.AddDate(0, 1, 0)
	if _, ok := february.index(); ok {
		t.Error("28 February to 28 March is accepted as a month from 31 January")
	}
}

func TestRNG_DependsOnSeedAndPurpose(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64, purpose string) (list []int) {
		trial := &trial{seed: seed, result: &result{Scenario: "s"}}
		rng := trial.rng(purpose)
		for range 10 {
			list = append(list, rng.IntN(1000))
		}
		return list
	}
	first := draw(1, "a")
	if !slices.Equal(first, draw(1, "a")) {
		t.Error("the same seed and purpose gave different numbers")
	}
	if slices.Equal(first, draw(2, "a")) || slices.Equal(first, draw(1, "b")) {
		t.Error("another seed or purpose gave the same numbers")
	}
}

// Clients send COMMIT as a simple query or through a prepared statement.
func TestCommits_SimpleAndPrepared(t *testing.T) {
	t.Parallel()
	message := func(kind byte, words ...string) []byte {
		body := []byte(strings.Join(words, "\x00") + "\x00")
		return append([]byte{kind, 0, 0, 0, byte(len(body) + 4)}, body...)
	}
	c := commits{}
	for i, step := range []struct {
		message []byte
		want    bool
	}{
		{message('Q', "commit"), true},
		{message('Q', "select 'commit'"), false},
		{message('P', "s1", "commit"), false},
		{message('P', "s2", "begin"), false},
		{message('B', "", "s1", ""), true},
		{message('B', "", "s2", ""), false},
		{message('P', "", "COMMIT"), false},
		{message('B', "", "", ""), true},
		{message('P', "", "select 1"), false},
		{message('B', "", "", ""), false},
		{message('S'), false},
	} {
		if got := c.begins(step.message); got != step.want {
			t.Errorf("message %d begins a commit: %t, want %t", i, got, step.want)
		}
	}
}

func TestReport_Good(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		r    result
		want bool
	}{
		{"no violation", result{Scenario: "soak"}, true},
		{"violation", result{Scenario: "soak", Violations: []string{"I1"}}, false},
		{"inconclusive", result{Scenario: "soak", Inconclusive: "no disk"}, false},
		{"bug found", result{Scenario: "race/runs", Mutant: "unguarded", Violations: []string{"I1"}}, true},
		{"violation does not match the bug", result{Scenario: "race/runs", Mutant: "unguarded", Violations: []string{"the disk is full"}}, false},
		{"bug missed", result{Scenario: "race/runs", Mutant: "unguarded"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newReport(options{}, time.Now())
			p.add(&c.r)
			planned := []job{{scenario: scenario{name: c.r.Scenario}, mutant: c.r.Mutant}}
			p.finish(options{}, planned, nil)
			if p.Good != c.want {
				t.Errorf("Good = %t, want %t", p.Good, c.want)
			}
			if err := p.write(t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestJob_Attempts(t *testing.T) {
	t.Parallel()
	found := []string{"I1: charged twice"}
	for _, c := range []struct {
		name string
		j    job
		r    result
		want int
	}{
		{"passed", job{}, result{}, 0},
		{"fault did not happen", job{}, result{noFault: true, Inconclusive: "too late"}, maxAttempts},
		{"fault did not happen, violation", job{}, result{noFault: true, Inconclusive: "too late", Violations: found}, 0},
		{"inconclusive", job{}, result{Inconclusive: "no disk"}, 0},
		{"bug found", job{mutant: "unguarded", seeds: 5}, result{Mutant: "unguarded", Violations: found}, 0},
		{"bug missed", job{mutant: "unguarded"}, result{Mutant: "unguarded"}, 0},
		{"bug missed, more seeds", job{mutant: "unguarded", seeds: 5}, result{Mutant: "unguarded"}, 5},
		{"bug, inconclusive", job{mutant: "unguarded"}, result{Mutant: "unguarded", Inconclusive: "timeout"}, maxAttempts},
		{"bug, inconclusive, more seeds", job{mutant: "unguarded", seeds: 5}, result{Mutant: "unguarded", Inconclusive: "timeout"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.j.attempts(&c.r); got != c.want {
				t.Errorf("%d attempts, want %d", got, c.want)
			}
		})
	}
}

func TestPlan_SharesAreAllPlantedBugs(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		o, err := parse([]string{"--only-mutants", "--share", part})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range plan(o) {
			found[j.mutant]++
		}
	}
	for _, m := range mutants {
		if found[m.name] != 1 {
			t.Errorf("%s is in %d of three shares, want 1", m.name, found[m.name])
		}
	}
	for _, wrong := range []string{"", "1", "0/3", "4/3", "1/0", "-1/3", "1/3x", "a/b"} {
		if _, err := parse([]string{"--share", wrong}); err == nil {
			t.Errorf("--share %q is accepted", wrong)
		}
	}
}

func TestRun_ExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want int
	}{{[]string{"--help"}, 0}, {[]string{"--list"}, 0}, {[]string{"--only", "("}, 2}, {[]string{"word"}, 2}, {[]string{"--width", "0"}, 2}} {
		var out, err bytes.Buffer
		if got := run(t.Context(), c.args, &out, &err); got != c.want {
			t.Errorf("%v: exit code %d, want %d; %s", c.args, got, c.want, err.String())
		}
	}
}
