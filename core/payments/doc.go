// Package payments moves money. Its [Collector] is the only holder of payment
// systems:
//
//	charge   sends a stored intent; no transaction is open, no connection is held
//	record   stores the outcome with its subscription and its events
//	sweep    looks up payments that have been pending for too long
//
// The caller commits the intent before it calls the Collector. An outcome that is
// unknown stays unknown until a lookup finds it.
//
// Not here: when a subscription is due and what an outcome changes (billing), which
// subscriptions are charged (renewals, viewers).
package payments
