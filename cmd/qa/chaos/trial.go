package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// scenario injects one kind of fault and checks the service afterwards.
type scenario struct {
	name        string
	description string        // the fault and the expected behaviour, for people
	short       int           // trials in the short form, each with its own seed; 0 skips the scenario
	long        int           // trials in the long form
	exclusive   bool          // runs alone, because it measures time or needs the whole machine
	skip        func() string // returns why this machine cannot run it, or ""
	run         func(t *trial)
}

// trial is one run of a scenario.
type trial struct {
	*suite
	ctx     context.Context
	long    bool
	seed    uint64
	mutant  string // the planted bug; "" for none
	result  *result
	began   time.Time
	drained time.Duration // total time of all calls to drain

	mu      sync.Mutex
	cleanup []func()
}

// result is the result of a trial.
type result struct {
	Scenario     string         `json:"scenario"`
	Seed         uint64         `json:"seed"`
	Mutant       string         `json:"mutant,omitempty"`
	Violations   []string       `json:"violations"`
	Inconclusive string         `json:"trouble,omitempty"` // why the trial neither passed nor failed
	Skipped      string         `json:"skipped,omitempty"`
	Counts       map[string]int `json:"counts"`
	Log          []logEntry     `json:"moments"`
	Seconds      float64        `json:"seconds"`

	noFault bool // inconclusive because the planned fault did not happen; worth another attempt
}

// logEntry is a line of a trial's log: a fault, or the programs' reaction to it.
type logEntry struct {
	After string `json:"after"` // time since the start of the trial
	What  string `json:"what"`
}

// maxLogEntries keeps reports readable. Further entries are only counted.
const maxLogEntries = 400

func (r *result) good() bool { return len(r.Violations) == 0 && r.Inconclusive == "" }

// maxAttempts limits the attempts at a trial whose planned fault did not happen. On
// a busy machine a fault can come too late to have an effect.
const maxAttempts = 3

// runTrial runs a trial. It repeats the trial if the planned fault did not happen, and a
// trial with a planted bug, with the next seed, also if it was inconclusive for another
// reason or more seeds may be tried.
func (s *suite) runTrial(ctx context.Context, j job) *result {
	r := s.attempt(ctx, j)
	for failed := 1; failed < j.attempts(r) && ctx.Err() == nil; failed++ {
		if j.mutant != "" {
			j.seed++
		}
		r = s.attempt(ctx, j)
		r.Counts["goes in vain"] += failed
	}
	return r
}

// attempts returns how many attempts at the trial are allowed after the result r.
func (j job) attempts(r *result) int {
	_, found := r.foundBy()
	switch {
	case j.mutant == "" && r.noFault && len(r.Violations) == 0:
		return maxAttempts
	case j.mutant == "" || found:
		return 0
	case r.Inconclusive != "":
		return max(j.seeds, maxAttempts)
	default:
		return j.seeds
	}
}

func (s *suite) attempt(ctx context.Context, j job) *result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &trial{suite: s, ctx: ctx, long: s.long, seed: j.seed, mutant: j.mutant, result: &result{
		Scenario: j.scenario.name, Seed: j.seed, Mutant: j.mutant, Violations: []string{}, Counts: map[string]int{}, Log: []logEntry{},
	}}
	t.began = time.Now()
	if j.scenario.skip != nil {
		if t.result.Skipped = j.scenario.skip(); t.result.Skipped != "" {
			return t.result
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.cleanUp()
		j.scenario.run(t)
	}()
	<-done
	t.result.Seconds = time.Since(t.began).Round(time.Millisecond).Seconds()
	return t.result
}

func (t *trial) cleanUp() {
	for i := len(t.cleanup) - 1; i >= 0; i-- {
		t.cleanup[i]()
	}
}

// atEnd registers f to run when the trial ends. The last function registered runs first.
func (t *trial) atEnd(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanup = append(t.cleanup, f)
}

// violated records a violation, so the trial fails. The trial goes on.
func (t *trial) violated(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Violations = append(t.result.Violations, fmt.Sprintf(format, args...))
}

// inconclusive ends the trial without a verdict: it neither passes nor fails. Only
// the trial's own goroutine may call it, because it calls [runtime.Goexit].
func (t *trial) inconclusive(format string, args ...any) {
	t.mu.Lock()
	t.result.Inconclusive = fmt.Sprintf(format, args...)
	t.mu.Unlock()
	runtime.Goexit()
}

// noFault ends the trial because the planned fault did not happen. runTrial repeats it.
func (t *trial) noFault(format string, args ...any) {
	t.mu.Lock()
	t.result.noFault = true
	t.mu.Unlock()
	t.inconclusive(format, args...)
}

// require ends the trial as inconclusive if err is not nil.
func (t *trial) require(what string, err error) {
	if err != nil {
		t.inconclusive("%s: %v", what, err)
	}
}

// note adds an entry to the trial's log.
func (t *trial) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.result.Log) == maxLogEntries {
		t.result.Counts["moments not listed"]++
		return
	}
	t.result.Log = append(t.result.Log, logEntry{time.Since(t.began).Round(time.Millisecond).String(), fmt.Sprintf(format, args...)})
}

// count adds n to a count of the trial. The report adds up the counts of all trials.
func (t *trial) count(what string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Counts[what] += n
}

// counted returns the current value of a count.
func (t *trial) counted(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result.Counts[what]
}

// rng returns the random number generator for one purpose. Each purpose has its own,
// so that concurrent goroutines do not change each other's sequence.
func (t *trial) rng(purpose string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.result.Scenario + "\x00" + purpose))
	return rand.New(rand.NewPCG(t.seed, h.Sum64()))
}

// pick returns one of the choices at random.
func pick[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }
