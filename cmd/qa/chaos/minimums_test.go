package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMinimums_NameExistingScenarios(t *testing.T) {
	t.Parallel()
	for _, m := range minimums {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return strings.HasPrefix(s.name, m.scenarios) }) {
			t.Errorf("minimum %q: no scenario has the prefix %q", m.name, m.scenarios)
		}
	}
}

func TestEvaluate(t *testing.T) {
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
	trials, found := progress{"conclusive trials", 1, 1}, []mutantReport{{Name: "unguarded", Found: true}}
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
		{"part of the long form", options{long: true}, planned("database/failover"), []scenarioReport{done("database/failover", "failovers", 9)}, found,
			[]progress{trials, {"planted bugs found", 1, 1}, {"failovers", 9, 10}}},
		{"long, trial did not run", options{long: true}, planned("database/failover"), nil, found,
			[]progress{{trials.What, 0, 1}, {"planted bugs found", 1, 1}, {"failovers", 0, 10}}},
		{"minimum of each scenario", options{long: true}, planned("kill/a", "kill/b"),
			[]scenarioReport{done("kill/a", killsAtStep, 12), done("kill/b", killsAtStep, 9)}, found,
			[]progress{{trials.What, 2, 2}, {"planted bugs found", 1, 1}, {"kills at each step, with as many seeds", 9, 10}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, evaluate(c.o, c.jobs, c.reports, c.mutants)); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		})
	}
}
