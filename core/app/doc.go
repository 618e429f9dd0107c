// Package app holds the use cases: in which order things are read, decided,
// stored and asked for. What is decided is in core/billing; how things are kept
// and who is asked is behind the ports in ports.go.
//
// Money moves in one place, the [Collector], always in the same steps:
//
//	tx 1    lock · decide → payment pending, its id is the idempotency key · commit
//	charge  Provider.Charge: no transaction open, no connection held, its own deadline
//	tx 2    lock · read the payment again · Settle · save · append events · commit
//	sweep   pending for too long: Provider.Find → settle; never seen there → send
//	        again (a renewal that is still wanted) or give up
//
// A renewal run does the same with batches: see [Renewer]. It remembers what tx 1
// wrote and, in tx 2, writes over it if nobody has written since; if somebody has,
// it locks and reads again like everybody.
//
// A card is removed in two steps: tx, after which nothing new uses it, and a wait
// until nothing that was under way may be sent any more. Then the answer.
//
// What is not here: HTTP, JSON, SQL, configuration.
package app
