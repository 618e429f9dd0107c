package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the content of report.json and of the page report.html.
type report struct {
	Good       bool             `json:"good"`
	Form       string           `json:"form"`
	Began      time.Time        `json:"began"`
	Seconds    float64          `json:"seconds"`
	Machine    string           `json:"machine"`
	Stopped    string           `json:"stopped,omitempty"`
	Wanted     []progress       `json:"wanted"`
	Totals     map[string]int   `json:"totals"`
	Scenarios  []scenarioReport `json:"scenarios"`
	Mutants    []mutantReport   `json:"mutants"`
	Invariants []invariant      `json:"invariants"`
}

type scenarioReport struct {
	Name        string         `json:"name"`
	Description string         `json:"breaks"`
	Counts      map[string]int `json:"counts"`
	Trials      []*result      `json:"trials"`
}

// Bad returns the number of trials that failed or were inconclusive.
func (s scenarioReport) Bad() (n int) {
	for _, r := range s.Trials {
		if !r.good() {
			n++
		}
	}
	return n
}

// Skipped returns why the scenario was skipped, or "".
func (s scenarioReport) Skipped() string {
	for _, r := range s.Trials {
		if r.Skipped != "" {
			return r.Skipped
		}
	}
	return ""
}

type mutantReport struct {
	Name        string    `json:"name"`
	Description string    `json:"plants"`
	Scenario    string    `json:"scenario"`
	Found       bool      `json:"found"`
	By          string    `json:"by"` // the first violation that matched the bug's pattern
	Trials      []*result `json:"trials"`
}

func newReport(o options, began time.Time) *report {
	form := "short"
	if o.long {
		form = "long"
	}
	return &report{
		Form: form, Began: began.UTC(), Totals: map[string]int{},
		Machine:    fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Invariants: append(slices.Clone(invariants), codedInvariants...),
	}
}

func (p *report) add(r *result) {
	if r.Mutant != "" {
		p.addMutant(r)
		return
	}
	i := slices.IndexFunc(p.Scenarios, func(s scenarioReport) bool { return s.Name == r.Scenario })
	if i < 0 {
		all := scenarios()
		at := slices.IndexFunc(all, func(s scenario) bool { return s.name == r.Scenario })
		p.Scenarios = append(p.Scenarios, scenarioReport{Name: r.Scenario, Description: all[at].description, Counts: map[string]int{}})
		i = len(p.Scenarios) - 1
	}
	s := &p.Scenarios[i]
	s.Trials = append(s.Trials, r)
	for what, n := range r.Counts {
		s.Counts[what] += n
		p.Totals[what] += n
	}
	p.Totals["trials"]++
	p.Totals["violations"] += len(r.Violations)
}

func (p *report) addMutant(r *result) {
	i := slices.IndexFunc(p.Mutants, func(m mutantReport) bool { return m.Name == r.Mutant })
	if i < 0 {
		at := slices.IndexFunc(mutants, func(m mutant) bool { return m.name == r.Mutant })
		p.Mutants = append(p.Mutants, mutantReport{Name: r.Mutant, Description: mutants[at].description, Scenario: r.Scenario})
		i = len(p.Mutants) - 1
	}
	m := &p.Mutants[i]
	m.Trials = append(m.Trials, r)
	if violation, ok := r.foundBy(); ok && !m.Found {
		m.Found, m.By = true, violation
	}
}

// finish evaluates the minimums, decides whether the suite passed, and sorts the report.
func (p *report) finish(o options, jobs []job, stopped error) {
	p.Wanted = evaluate(o, jobs, p.Scenarios, p.Mutants)
	p.Seconds = time.Since(p.Began).Seconds()
	p.Good = stopped == nil
	if stopped != nil {
		p.Stopped = stopped.Error()
	}
	for _, s := range p.Scenarios {
		p.Good = p.Good && s.Bad() == 0
		slices.SortFunc(s.Trials, func(a, b *result) int { return int(a.Seed) - int(b.Seed) })
	}
	for _, r := range p.Wanted {
		p.Good = p.Good && r.Met()
	}
	slices.SortFunc(p.Scenarios, func(a, b scenarioReport) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Mutants, func(a, b mutantReport) int { return strings.Compare(a.Name, b.Name) })
}

//go:embed report.html
var page string

// write writes report.json and report.html.
func (p *report) write(dir string) error {
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), text, 0o644); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "report.html"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"counts": sortedCounts, "round": round,
	}).Parse(page)).Execute(f, p)
}

// sortedCounts returns the counts as text, ordered by name.
func sortedCounts(counts map[string]int) string {
	var words []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[what], what))
	}
	return strings.Join(words, ", ")
}

// printResult prints the result of one trial.
func printResult(out io.Writer, o options, r *result) {
	verdict := "ok  "
	_, found := r.foundBy()
	switch {
	case r.Skipped != "":
		verdict = "skip"
	case found:
		verdict = "found"
	case r.Mutant != "":
		verdict = "MISSED"
	case r.Inconclusive != "":
		verdict = "BROKEN"
	case !r.good():
		verdict = "FAIL"
	}
	name := r.Scenario
	if r.Mutant != "" {
		name = "mutant " + r.Mutant + " in " + name
	}
	_, _ = fmt.Fprintf(out, "%s %s seed %d (%v): %s%s\n", verdict, name, r.Seed, round(r.Seconds), sortedCounts(r.Counts), r.Skipped)
	if r.Inconclusive != "" {
		_, _ = fmt.Fprintf(out, "     inconclusive: %s\n", r.Inconclusive)
	}
	if !r.good() && r.Mutant == "" {
		_, _ = fmt.Fprintf(out, "     repeat: %s\n", repeatCommand(o, r))
	}
	for i, v := range r.Violations {
		if i == 5 && !o.story {
			_, _ = fmt.Fprintf(out, "     and %d more\n", len(r.Violations)-i)
			break
		}
		_, _ = fmt.Fprintf(out, "     %s\n", v)
	}
	if o.story {
		for _, m := range r.Log {
			_, _ = fmt.Fprintf(out, "     %8s %s\n", m.After, m.What)
		}
	}
}

// repeatCommand returns the shell command that repeats a trial.
func repeatCommand(o options, r *result) string {
	form := ""
	if o.long {
		form = "CHAOS=long "
	}
	return fmt.Sprintf(`%smake chaos ARGS="--only '^%s$$' --seed %d --trials 1 --mutants '' --story"`, form, r.Scenario, r.Seed)
}

func printSummary(out io.Writer, p *report) {
	_, _ = fmt.Fprintf(out, "\n%s\n\n", sortedCounts(p.Totals))
	for _, r := range p.Wanted {
		_, _ = fmt.Fprintln(out, r)
	}
	_, _ = fmt.Fprintf(out, "\n%v, passed: %v\n", round(p.Seconds), p.Good)
}
