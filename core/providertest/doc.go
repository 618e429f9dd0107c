// Package providertest is the conformance suite for adapters of payment systems. Each
// adapter runs it against the payment system's sandbox or an imitation; see the
// example of [Run].
//
// The suite tests the contract of [ports.Provider] and [ports.Ledger]: a key is
// charged at most once, a decline is an outcome, an error never claims more than the
// adapter can know, and no error contains a token or a card.
//
// Not here: the wire format and webhooks. The adapter's own tests cover them.
package providertest
