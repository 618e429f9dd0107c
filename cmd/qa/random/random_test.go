package random

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Variables of the environment.
const (
	seedVariable     = "BILLING_TEST_SEED"     // repeats a run
	paymentsVariable = "BILLING_TEST_PAYMENTS" // at each payment system, at least
)

// paymentsOfWorld is the number of payments of a world.
const paymentsOfWorld = 50

func systems() map[string]newSystem {
	return map[string]newSystem{"stripe": newStripe, "yookassa": newYooKassa}
}

// TestRandomFaults checks that money moves exactly once: no key is charged twice, no period
// is paid twice, and no charge is lost.
func TestRandomFaults(t *testing.T) {
	t.Parallel()
	seed, payments := variable(t, seedVariable, rand.Uint64()), variable(t, paymentsVariable, 1000)
	t.Logf("%s=%d repeats this run", seedVariable, seed)
	for name, create := range systems() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var total summary
			t.Run("worlds", func(t *testing.T) {
				for n := range (payments + paymentsOfWorld - 1) / paymentsOfWorld {
					t.Run(fmt.Sprintf("%03d", n), func(t *testing.T) {
						t.Parallel()
						inWorld(t, create, seed, n, func(w *world) {
							w.live(paymentsOfWorld)
							w.settle()
							for _, v := range w.check() {
								t.Errorf("%s=%d: %s", seedVariable, seed, w.report(v))
							}
							total.add(w)
						})
					})
				}
			})
			t.Log(total.String())
			total.expectFaults(t)
		})
	}
}

// TestSeed_Replays checks that a seed decides everything: two runs have the same trace.
func TestSeed_Replays(t *testing.T) {
	t.Parallel()
	for name, create := range systems() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			for n := range uint64(4) {
				var traces [2][]string
				for i := range traces {
					inWorld(t, create, seed, n, func(w *world) {
						w.live(20)
						w.settle()
						traces[i] = w.trace
					})
				}
				for i, line := range traces[0] {
					if i >= len(traces[1]) || traces[1][i] != line {
						t.Fatalf("seed %d, world %d: the runs differ at line %d:\n\t%s\n\t%s", seed, n, i, line, traces[1][min(i, len(traces[1])-1)])
					}
				}
			}
		})
	}
}

// variable returns the number in a variable of the environment, or fallback without one.
func variable(t *testing.T, name string, fallback uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s must be a number", name)
	}
	return n
}

// TestMain lets the heap grow: it is so small that the collector would run all the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

// summary counts what happened in all worlds.
type summary struct {
	mu               sync.Mutex
	worlds, payments int
	charges, waiting int
	counts           map[fault]int
}

func (s *summary) add(w *world) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[fault]int{}
	}
	s.worlds++
	for _, p := range w.payments() {
		s.payments++
		if p.NeedsReview() {
			s.waiting++
		}
		s.counts[fault("payment "+string(p.Status)+" "+string(p.DeclineCode)+" by the "+string(p.Initiator))]++
	}
	for _, charges := range w.system.taken() {
		s.charges += len(charges)
	}
	for f, n := range w.counts {
		s.counts[f] += n
	}
}

// expectFaults expects that every common fault has happened, unless the run was very short.
func (s *summary) expectFaults(t *testing.T) {
	t.Helper()
	for _, f := range []fault{
		loseRequest, loseResponse, holdRequest, holdResponse, truncate, proxyPage, proxyPageLate, proxyRefusal, redirected,
		busy, busyFor7s, overtaken, refused, outage, clockMoved, decided, repeated,
	} {
		if s.counts[f] == 0 && s.payments >= 1000 {
			t.Errorf("%q did not happen", f)
		}
	}
}

// String lists the counts, one a line.
func (s *summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d worlds, %d payments, %d charges, %d payments wait for a person", s.worlds, s.payments, s.charges, s.waiting)
	for _, f := range slices.Sorted(maps.Keys(s.counts)) {
		fmt.Fprintf(&b, "\n\t%6d %s", s.counts[f], f)
	}
	return b.String()
}
