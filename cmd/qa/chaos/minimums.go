package main

import (
	"fmt"
	"slices"
	"strings"
)

// wanted is a number that the long form must reach. One that kills nobody finds
// nothing either: it is not well until it has.
type minimum struct {
	what   string
	of     string // scenarios whose names begin so
	count  string // what they count
	number int
	least  bool // each of them must reach it, not all together
}

// allWanted is what the long form is for.
var minimums = []minimum{
	{"kills at each step, with as many seeds", "kill/", killsAtStep, 10, true},
	{"soak: charges", "soak", "charges", 10_000, false},
	{"soak: kills", "soak", "kills", 300, false},
	{"soak: kills while payments were open", "soak", "kills while payments were open", 150, false},
	{"faults of the payment system: charges", "payment system/mixed faults", "charges", 5_000, false},
	{"faults of the payment system: charges that failed", "payment system/mixed faults", "charges failed", 2_000, false},
	{"Postgres stopped at once", "database/restarts", "restarts", 20, false},
	{"connections cut", "database/cut connections", "connections cut", 200, false},
	{"connections cut at COMMIT", "database/cut at commit", "commits cut", 200, false},
	{"failovers", "database/failover", "failovers", 10, false},
	{"100 equal requests at once", "parallel/one key", "hundreds of equal requests", 200, false},
}

// atTheStep is what is counted when a program dies where its scenario says.
const killsAtStep = "kills at the step"

// reached is how far it came.
type progress struct {
	What    string `json:"what"`
	Reached int    `json:"reached"`
	Wanted  int    `json:"wanted"`
}

// Met reports whether that is enough.
func (r progress) Met() bool { return r.Reached >= r.Wanted }

// judge says how far the planned trials came: whether each said something, and,
// in the long form, whether they reached what is wanted of their scenarios.
// A part of the long form is judged by what is wanted of that part.
func evaluate(o options, jobs []job, scenarios []scenarioReport, mutants []mutantReport) (list []progress) {
	trials, bugs := progress{What: "trials that say something"}, progress{What: "planted bugs found"}
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
			case !o.long: // a smaller machine is excused
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
	for _, w := range minimums {
		if r, asked := w.evaluate(planned, scenarios); asked {
			list = append(list, r)
		}
	}
	return list
}

func (w minimum) evaluate(planned map[string]bool, scenarios []scenarioReport) (r progress, asked bool) {
	r = progress{What: w.what, Wanted: w.number}
	first := true
	for name := range planned {
		if !strings.HasPrefix(name, w.of) {
			continue
		}
		n := 0
		if i := slices.IndexFunc(scenarios, func(s scenarioReport) bool { return s.Name == name }); i >= 0 {
			n = scenarios[i].Counts[w.count]
		}
		switch {
		case !w.least:
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
