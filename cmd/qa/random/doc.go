// Package random tests that money moves exactly once, whatever fails. The use cases of core
// charge viewers through the real adapters, and the fakes of Stripe and YooKassa keep the
// ledgers. Requests, responses, processes and clocks fail at random.
//
//	driver ─ process ─┬─ memory store       the process dies at a commit
//	                  └─ adapter ─ wire ─ fake   …or at a request, which the wire may lose
//
// A world is one shop with its viewers in a bubble of [testing/synctest], so that all clocks
// are one and a day passes in no time. One goroutine decides everything from the seed of the
// world, so a seed replays its world exactly. Afterwards all faults stop, sweeps settle the
// payments, and the ledger of the fake is compared with the payments table.
//
// It has only tests. The fault suite with the real programs and Postgres is in cmd/qa/chaos.
package random
