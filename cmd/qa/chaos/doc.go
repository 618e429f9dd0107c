// Command chaos is the fault suite. It starts the real programs on its own
// Postgres, with the simulated payment system, and injects faults: it kills and
// stops processes, cuts connections and fills disks. Then it compares the service's
// tables with the simulator's ledger, which the service cannot write.
//
//	main ─ suite ─┬─ scenario × seed ─ trial ─ world (a database, APIs, runs)
//	              │                     └─ invariants, over the tables and the ledger
//	              └─ mutant × scenario ─ the same, with a planted bug that must be found
//
// A scenario is a function in a file that is named after the fault. All its random
// choices come from the trial's seed, so the same seed injects the same faults in
// the same order. The seed does not control how the machine schedules the processes.
// Scenarios therefore kill or pause processes at named steps.
//
// A trial whose planned fault did not happen does not pass: it is repeated. The long
// form must also reach the counts in minimums.go.
//
// The planted bugs are in cmd/internal/mutant. The tests of a single program are in
// its package, and end-to-end tests without faults are in cmd/qa/e2e.
package main
