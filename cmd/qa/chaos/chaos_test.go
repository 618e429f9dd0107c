package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every planted bug belongs to a scenario that there is, and the names that
// trials are repeated by are unique.
func TestNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range scenarios() {
		if slices.Contains(names, s.name) {
			t.Errorf("two scenarios are named %s", s.name)
		}
		if s.run == nil || s.description == "" || s.short+s.long == 0 {
			t.Errorf("%s is never run, or says nothing", s.name)
		}
		names = append(names, s.name)
	}
	for _, m := range mutants {
		if _, err := regexp.Compile(m.pattern); err != nil || m.pattern == "" {
			t.Errorf("planted bug %s: what gives it away is %q, %v", m.name, m.pattern, err)
		}
		if !slices.Contains(names, m.scenario) {
			t.Errorf("planted bug %s: there is no scenario %s", m.name, m.scenario)
		}
	}
	for name := range schemaMutants {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.name == name }) {
			t.Errorf("nobody looks for %s", name)
		}
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"} {
		if got := monthsAfter(january31, n).Format(time.DateOnly); got != want {
			t.Errorf("%d months after 31 January is %s, want %s", n, got, want)
		}
		if got := dueAt(n).Format(time.DateOnly); got != want {
			t.Errorf("renewal %d is due at %s, want %s", n, got, want)
		}
	}
	february := paidPeriod{Anchor: january31, Months: 1, Start: dueAt(1), End: dueAt(2)}
	if n, ok := february.index(); n != 1 || !ok {
		t.Errorf("28 February to 31 March is period %d, %v", n, ok)
	}
	february.End = february.Start.AddDate(0, 1, 0)
	if _, ok := february.index(); ok {
		t.Error("28 February to 28 March passes for a month from 31 January")
	}
}

// The same seed makes the same choices, and another one others.
func TestDice(t *testing.T) {
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
		t.Error("one seed made two choices")
	}
	if slices.Equal(first, draw(2, "a")) || slices.Equal(first, draw(1, "b")) {
		t.Error("two seeds, or two purposes, made the same choices")
	}
}

// A COMMIT is seen in each way that clients say it.
func TestCommits(t *testing.T) {
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
			t.Errorf("message %d: %v, want %v", i, got, step.want)
		}
	}
}

// A missed bug, a violation and a trial that says nothing all make it not well.
func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		r    result
		want bool
	}{
		{"books agree", result{Scenario: "soak"}, true},
		{"violated", result{Scenario: "soak", Violations: []string{"I1"}}, false},
		{"says nothing", result{Scenario: "soak", Inconclusive: "no disk"}, false},
		{"found", result{Scenario: "race/runs", Mutant: "unguarded", Violations: []string{"I1"}}, true},
		{"something else", result{Scenario: "race/runs", Mutant: "unguarded", Violations: []string{"the disk is full"}}, false},
		{"missed", result{Scenario: "race/runs", Mutant: "unguarded"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newReport(options{}, time.Now())
			p.add(&c.r)
			planned := []job{{scenario: scenario{name: c.r.Scenario}, mutant: c.r.Mutant}}
			p.finish(options{}, planned, nil)
			if p.Good != c.want {
				t.Errorf("all well: %v, want %v", p.Good, c.want)
			}
			if err := p.write(t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUsage(t *testing.T) {
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
