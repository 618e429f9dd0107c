package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

const usage = `chaos injects faults into the service and compares its payments table with the payment system's ledger.
Run it in the repository: make chaos, or CHAOS=long make chaos.

      --long              run the long form, which fails unless it reaches its minimum counts
      --only REGEXP       run only scenarios with matching names
      --seed N            set the seed of each scenario's first trial (default 1); later trials count up
      --trials N          run N trials of each scenario, whatever the form
      --mutants REGEXP    look for planted bugs with matching names (default all; "" for none);
                          with --only, look only for the bugs of those scenarios
      --only-mutants      look for planted bugs, and run nothing else
      --share K/N         of those planted bugs, look only for every Nth, beginning with the Kth
      --width N           run N trials in parallel (default 6)
      --out DIR           write report.json and report.html to DIR (default bin/chaos)
      --list              list scenarios and planted bugs
      --story             print the log of each trial

A failed trial prints the command that repeats it.
Exit code: 0 if every invariant held and every planted bug was found, 1 if not, 2 for bad usage.
`

type options struct {
	long, list, story, onlyMutants bool
	only, mutants                  *regexp.Regexp
	seed                           uint64
	trials, width                  int
	share                          share
	out                            string
}

// share is every of-th element of a list, beginning with the nth. Shares 1/3, 2/3 and 3/3
// together are the whole list.
type share struct{ nth, of int }

func parseShare(text string) (s share, err error) {
	if _, err := fmt.Sscanf(text, "%d/%d", &s.nth, &s.of); err != nil || s.nth < 1 || s.nth > s.of || text != fmt.Sprintf("%d/%d", s.nth, s.of) {
		return s, fmt.Errorf("--share %q is not K/N with 1 <= K <= N", text)
	}
	return s, nil
}

func (s share) has(index int) bool { return index%s.of == s.nth-1 }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		interrupted.Store(true)
		stop()
	})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func parse(args []string) (o options, err error) {
	flags := pflag.NewFlagSet("chaos", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.long, "long", false, "")
	flags.BoolVar(&o.list, "list", false, "")
	flags.BoolVar(&o.story, "story", false, "")
	flags.BoolVar(&o.onlyMutants, "only-mutants", false, "")
	only := flags.String("only", "", "")
	mutants := flags.String("mutants", ".", "")
	part := flags.String("share", "1/1", "")
	flags.Uint64Var(&o.seed, "seed", 1, "")
	flags.IntVar(&o.trials, "trials", 0, "")
	flags.IntVar(&o.width, "width", 6, "")
	flags.StringVar(&o.out, "out", filepath.Join("bin", "chaos"), "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.width < 1 || o.trials < 0 {
		return o, errors.New("see --help")
	}
	var err1, err2, err3 error
	o.only, err1 = regexp.Compile(*only)
	if *mutants == "" {
		*mutants = `^$`
	}
	o.mutants, err2 = regexp.Compile(*mutants)
	o.share, err3 = parseShare(*part)
	return o, errors.Join(err1, err2, err3)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		_, _ = io.WriteString(stdout, usage)
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "chaos: %v\n", err)
		return 2
	case o.list:
		printList(stdout)
		return 0
	}
	good, err := runSuite(ctx, o, stdout)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "chaos: %v\n", err)
	}
	if err != nil || !good {
		return 1
	}
	return 0
}

func printList(out io.Writer) {
	for _, s := range scenarios() {
		_, _ = fmt.Fprintf(out, "%-28s %s\n", s.name, s.description)
	}
	for _, m := range mutants {
		_, _ = fmt.Fprintf(out, "mutant %-21s %s (found by %s)\n", m.name, m.description, m.scenario)
	}
}

// runSuite runs the trials that o selects and writes the reports. It returns true if
// no invariant was violated and every minimum was reached.
func runSuite(ctx context.Context, o options, stdout io.Writer) (bool, error) {
	bin, err := filepath.Abs(o.out)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return false, err
	}
	began := time.Now()
	s, err := newSuite(ctx, bin, o.long)
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return false, err
	}
	jobs := plan(o)
	rep := newReport(o, began)
	s.runAll(ctx, o.width, jobs, func(r *result) {
		rep.add(r)
		printResult(stdout, o, r)
	})
	rep.finish(o, jobs, ctx.Err())
	printSummary(stdout, rep)
	return rep.Good, errors.Join(ctx.Err(), rep.write(o.out))
}

// plan returns the trials of the selected scenarios, followed by the trials of the
// selected planted bugs. A planted bug runs in the scenario that must find it.
func plan(o options) []job {
	var jobs []job
	all := scenarios()
	for _, s := range all {
		n := s.short
		if o.long {
			n = s.long
		}
		if o.trials > 0 {
			n = o.trials
		}
		for i := range n {
			if !o.onlyMutants && o.only.MatchString(s.name) {
				jobs = append(jobs, job{scenario: s, seed: o.seed + uint64(i)})
			}
		}
	}
	var bugs []job
	for _, m := range mutants {
		at := slices.IndexFunc(all, func(s scenario) bool { return s.name == m.scenario })
		if at >= 0 && o.mutants.MatchString(m.name) && o.only.MatchString(m.scenario) {
			bugs = append(bugs, job{all[at], o.seed, m.name, cmp.Or(m.seeds, defaultSeeds)})
		}
	}
	for i, bug := range bugs {
		if o.share.has(i) {
			jobs = append(jobs, bug)
		}
	}
	return jobs
}
