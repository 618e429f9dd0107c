// Package memory implements [ports.Store] with maps, for tests of use cases. The data is
// lost when the process ends.
//
// Transactions run one at a time. Each works on a copy of all data, which replaces the
// original at the commit. So rollbacks are real, and no row locks are needed.
//
// The store is stricter than Postgres in two ways, to find mistakes in use cases. It
// panics if a transaction uses the store instead of tx, where Postgres could deadlock.
// It does not commit a transaction that continued after an error of the store.
//
// Not here: most foreign keys (only the plan of a subscription and the subscription of a
// payment are checked), and conflicts that make a transaction run again.
package memory
