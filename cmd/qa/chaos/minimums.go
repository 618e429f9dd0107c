package main

import (
	"fmt"
	"slices"
	"strings"
)

// minimum is a count that the long form must reach. A suite that injects no faults
// finds nothing, so the long form fails below its minimums.
type minimum struct {
	name      string
	scenarios string // prefix of the scenarios' names
	count     string // name of the count
	atLeast   int
	each      bool // each scenario must reach atLeast; otherwise the scenarios together
}

// minimums are the counts that the long form must reach.
var minimums = []minimum{
	{"kills at each step, with as many seeds", "kill/", killsAtStep, 10, true},
	{"soak: charges", "soak", "charges", 10_000, false},
	{"soak: kills", "soak", "kills", 300, false},
	{"soak: kills while payments were open", "soak", "kills while payments were open", 150, false},
	{"faults of the payment system: charges", "payment system/mixed faults", "charges", 5_000, false},
	{"faults of the payment system: failed charges", "payment system/mixed faults", "charges failed", 2_000, false},
	{"brownouts: cancels while the payment system hung", "payment system/brownout", cancelledMeanwhile, 100, false},
	{"comparisons with the ledger under load", "reconcile/under load", comparedUnderLoad, 40, false},
	{"immediate stops of Postgres", "database/restarts", "restarts", 20, false},
	{"connections cut", "database/cut connections", "connections cut", 200, false},
	{"connections cut at COMMIT", "database/cut at commit", "commits cut", 200, false},
	{"failovers", "database/failover", "failovers", 10, false},
	{"100 equal requests at the same time", "parallel/one key", "hundreds of equal requests", 200, false},
}

// killsAtStep counts programs that were killed at their scenario's step.
const killsAtStep = "kills at the step"

// progress is a count and its minimum.
type progress struct {
	What    string `json:"what"`
	Reached int    `json:"reached"`
	Wanted  int    `json:"wanted"`
}

// Met reports whether the count has reached its minimum.
func (r progress) Met() bool { return r.Reached >= r.Wanted }

// evaluate returns the progress of the planned trials and planted bugs. For the long
// form it adds the minimums of the planned scenarios, so that a part of the suite is
// judged by that part's minimums.
func evaluate(o options, jobs []job, scenarios []scenarioReport, mutants []mutantReport) (list []progress) {
	trials, bugs := progress{What: "conclusive trials"}, progress{What: "planted bugs found"}
	planned, planted := map[string]bool{}, map[string]bool{}
	for _, j := range jobs {
		if j.mutant != "" {
			planted[j.mutant] = true
			continue
		}
		planned[j.scenario.name] = true
		trials.Wanted++
	}
	bugs.Wanted = len(planted)
	for _, s := range scenarios {
		for _, r := range s.Trials {
			switch {
			case r.Inconclusive != "":
			case r.Skipped == "":
				trials.Reached++
			case !o.long: // the short form may skip scenarios
				trials.Wanted--
			}
		}
	}
	for _, m := range mutants {
		if m.Found {
			bugs.Reached++
		}
	}
	list = append(list, trials, bugs)
	if !o.long || o.trials > 0 {
		return list
	}
	for _, m := range minimums {
		if r, applies := m.evaluate(planned, scenarios); applies {
			list = append(list, r)
		}
	}
	return list
}

// evaluate returns the progress towards m. It returns false if no scenario of m is planned.
func (m minimum) evaluate(planned map[string]bool, scenarios []scenarioReport) (r progress, applies bool) {
	r = progress{What: m.name, Wanted: m.atLeast}
	first := true
	for name := range planned {
		if !strings.HasPrefix(name, m.scenarios) {
			continue
		}
		n := 0
		if i := slices.IndexFunc(scenarios, func(s scenarioReport) bool { return s.Name == name }); i >= 0 {
			n = scenarios[i].Counts[m.count]
		}
		switch {
		case !m.each:
			r.Reached += n
		case first || n < r.Reached:
			r.Reached = n
		}
		first = false
	}
	return r, !first
}

func (r progress) String() string {
	if r.Met() {
		return fmt.Sprintf("%-50s %6d of %d", r.What, r.Reached, r.Wanted)
	}
	return fmt.Sprintf("%-50s %6d of %d: NOT REACHED", r.What, r.Reached, r.Wanted)
}
