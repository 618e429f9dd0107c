// Command chaos breaks things and looks whether the books still agree: it
// starts the real programs on a Postgres of its own, with the simulated payment
// system, kills, stops, cuts and fills what it can, and compares afterwards what
// we keep with the simulator's ledger, which the service cannot write.
//
//	main ─ suite ─┬─ scenario × seed ─ trial ─ world (a database, APIs, runs)
//	              │                     └─ invariants, over our tables and the ledger
//	              └─ mutant × scenario ─ the same, with a planted bug: it must be found
//
// A scenario is a function in a file that is named after what it breaks. All its
// choices come from the trial's seed: the same seed breaks the same things in
// the same order. How the machine schedules the processes in between is not the
// seed's to say; scenarios that kill or stop a process do it at named places, so
// that little is left to that.
//
// What was to go wrong and did not is no pass: such a trial is made again, and
// the long form must reach the numbers in wanted.go.
//
// The planted bugs are in cmd/internal/mutant. What one program does alone is
// tested beside it, and what people see of all together in cmd/qa/e2e.
package main
