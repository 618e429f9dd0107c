// Package memory is a whole store in maps, for the tests of use cases. It keeps
// every promise of [ports.Store], and forgets everything with the process.
//
// Transactions run one at a time, each on a copy of everything, which is kept
// when the transaction succeeds. So a rollback is a real one, and whatever
// Postgres does with row locks happens here by waiting for one's turn.
//
// It is stricter than Postgres in two ways, to find mistakes of use cases: a
// store that is used from within its own transaction panics, where Postgres
// might wait for itself; and a transaction that carries on after a unique rule
// refused something is not kept.
//
// Not here: foreign keys, but for the plan of a subscription and the
// subscription of a payment; conflicts that make a transaction run again.
package memory
