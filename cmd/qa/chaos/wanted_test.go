package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is wanted is counted somewhere, of scenarios that there are.
func TestWanted(t *testing.T) {
	t.Parallel()
	for _, w := range minimums {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return strings.HasPrefix(s.name, w.of) }) {
			t.Errorf("%s: there is no scenario %s", w.what, w.of)
		}
	}
}

// The long form is not well before it has reached what is wanted of it, and a
// part of it is judged by what is wanted of that part.
func TestJudge(t *testing.T) {
	t.Parallel()
	planned := func(names ...string) (jobs []job) {
		for _, name := range names {
			jobs = append(jobs, job{scenario: scenario{name: name}})
		}
		return append(jobs, job{scenario: scenario{name: names[0]}, mutant: "unguarded"})
	}
	done := func(name, what string, n int) scenarioReport {
		return scenarioReport{Name: name, Counts: map[string]int{what: n}, Trials: []*result{{}}}
	}
	skipped := scenarioReport{Name: "soak", Trials: []*result{{Skipped: "too small a machine"}}}
	trials, found := progress{"trials that say something", 1, 1}, []mutantReport{{Name: "unguarded", Found: true}}
	for _, c := range []struct {
		name    string
		o       options
		jobs    []job
		reports []scenarioReport
		mutants []mutantReport
		want    []progress
	}{
		{"short", options{}, planned("soak"), []scenarioReport{done("soak", "kills", 8)}, found,
			[]progress{trials, {"planted bugs found", 1, 1}}},
		{"short, skipped", options{}, planned("soak"), []scenarioReport{skipped}, nil,
			[]progress{{trials.What, 0, 0}, {"planted bugs found", 0, 1}}},
		{"long, skipped", options{long: true, trials: 1}, planned("soak"), []scenarioReport{skipped}, found,
			[]progress{{trials.What, 0, 1}, {"planted bugs found", 1, 1}}},
		{"a part", options{long: true}, planned("database/failover"), []scenarioReport{done("database/failover", "failovers", 9)}, found,
			[]progress{trials, {"planted bugs found", 1, 1}, {"failovers", 9, 10}}},
		{"never made", options{long: true}, planned("database/failover"), nil, found,
			[]progress{{trials.What, 0, 1}, {"planted bugs found", 1, 1}, {"failovers", 0, 10}}},
		{"the least of each", options{long: true}, planned("kill/a", "kill/b"),
			[]scenarioReport{done("kill/a", killsAtStep, 12), done("kill/b", killsAtStep, 9)}, found,
			[]progress{{trials.What, 2, 2}, {"planted bugs found", 1, 1}, {"kills at each step, with as many seeds", 9, 10}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, evaluate(c.o, c.jobs, c.reports, c.mutants)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A program is killed at every step that core names.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../core/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("core: %d files, %v", len(files), err)
	}
	named := regexp.MustCompile(`crash\.Point\("([^"]+)"\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if !slices.ContainsFunc(scenarios(), func(s scenario) bool {
				return strings.HasPrefix(s.name, "kill/") && strings.HasSuffix(s.name, "/"+m[1])
			}) {
				t.Errorf("nobody is killed at %s", m[1])
			}
		}
	}
}
