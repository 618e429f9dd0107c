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

// scenario is one way of breaking things.
type scenario struct {
	name        string
	description string        // what is broken, and what must hold, for people
	short       int           // trials in the short form, each with a seed of its own; 0 leaves it out
	long        int           // trials in the long form
	exclusive   bool          // it is not run beside others: it measures, or needs the whole machine
	skip        func() string // why it cannot be run here, if it cannot
	run         func(t *trial)
}

// trial is one go at a scenario.
type trial struct {
	*suite
	ctx     context.Context
	long    bool
	seed    uint64
	mutant  string // the planted bug; "" for none
	result  *result
	began   time.Time
	drained time.Duration // spent waiting for everything to come to rest

	mu      sync.Mutex
	cleanup []func()
}

// result is what a trial came to.
type result struct {
	Scenario     string         `json:"scenario"`
	Seed         uint64         `json:"seed"`
	Mutant       string         `json:"mutant,omitempty"`
	Violations   []string       `json:"violations"`
	Inconclusive string         `json:"trouble,omitempty"` // why the trial says nothing
	Skipped      string         `json:"skipped,omitempty"`
	Counts       map[string]int `json:"counts"`
	Log          []logEntry     `json:"moments"`
	Seconds      float64        `json:"seconds"`

	noFault bool // what was to go wrong did not: it says nothing, but another go may
}

// moment is something that was done to the programs, or that they did.
type logEntry struct {
	After string `json:"after"` // since the trial began
	What  string `json:"what"`
}

// maxMoments keeps a report readable; what goes beyond is counted.
const maxLogEntries = 400

func (r *result) good() bool { return len(r.Violations) == 0 && r.Inconclusive == "" }

// goes is how often a trial is made before it is given up that what it breaks
// was not broken: a machine with other things to do may be late for it.
const maxAttempts = 3

// try makes one trial, and makes it again when what was to go wrong did not.
func (s *suite) runTrial(ctx context.Context, sc scenario, seed uint64, mutant string) *result {
	r := s.attempt(ctx, sc, seed, mutant)
	for again := 1; again < maxAttempts && r.noFault && len(r.Violations) == 0; again++ {
		r = s.attempt(ctx, sc, seed, mutant)
		r.Counts["goes in vain"] += again
	}
	return r
}

func (s *suite) attempt(ctx context.Context, sc scenario, seed uint64, mutant string) *result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &trial{suite: s, ctx: ctx, long: s.long, seed: seed, mutant: mutant, result: &result{
		Scenario: sc.name, Seed: seed, Mutant: mutant, Violations: []string{}, Counts: map[string]int{}, Log: []logEntry{},
	}}
	t.began = time.Now()
	if sc.skip != nil {
		if t.result.Skipped = sc.skip(); t.result.Skipped != "" {
			return t.result
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.cleanUp()
		sc.run(t)
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

// atEnd is called when the trial is over, in the reverse order.
func (t *trial) atEnd(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanup = append(t.cleanup, f)
}

// violated notes that something does not hold that must.
func (t *trial) violated(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Violations = append(t.result.Violations, fmt.Sprintf(format, args...))
}

// giveUp ends the trial, which says nothing then. Only the trial's own
// goroutine may call it.
func (t *trial) inconclusive(format string, args ...any) {
	t.mu.Lock()
	t.result.Inconclusive = fmt.Sprintf(format, args...)
	t.mu.Unlock()
	runtime.Goexit()
}

// missed ends the trial, because what was to go wrong did not. It is made again.
func (t *trial) noFault(format string, args ...any) {
	t.mu.Lock()
	t.result.noFault = true
	t.mu.Unlock()
	t.inconclusive(format, args...)
}

// need ends the trial unless err is nil.
func (t *trial) require(what string, err error) {
	if err != nil {
		t.inconclusive("%s: %v", what, err)
	}
}

// note adds to the story of the trial.
func (t *trial) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.result.Log) == maxLogEntries {
		t.result.Counts["moments not listed"]++
		return
	}
	t.result.Log = append(t.result.Log, logEntry{time.Since(t.began).Round(time.Millisecond).String(), fmt.Sprintf(format, args...)})
}

// count counts something that the report sums up.
func (t *trial) count(what string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Counts[what] += n
}

// counted is how much was counted of something so far.
func (t *trial) counted(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result.Counts[what]
}

// dice returns the choices for one purpose. Each purpose has its own, so that
// goroutines do not take choices away from each other.
func (t *trial) rng(purpose string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.result.Scenario + "\x00" + purpose))
	return rand.New(rand.NewPCG(t.seed, h.Sum64()))
}

// pick returns one of the choices.
func pick[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }
