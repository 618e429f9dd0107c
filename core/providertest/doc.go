// Package providertest is the conformance suite for adapters of payment systems. Each
// adapter runs it against the payment system's sandbox or an imitation; see the
// example of [Run].
//
// The suite tests the contract of [ports.Provider], [ports.Ledger], [ports.Refunder],
// [ports.Canceller], [ports.Saver] and [ports.Forgetter]: a key is charged or refunded at most
// once, a paid charge stays paid, a decline is an outcome, an error never claims more than
// the adapter can know, and no error contains a token or a card.
//
// A provider that is also a [ports.Refunder] runs the case "refund"; others skip it. The
// harness must offer only this:
//
//   - a charge with Tokens.OK or Tokens.RefundLost can be refunded immediately, whole and in
//     parts of at least 1.00, and its refund succeeds immediately
//   - the response to a refund of a charge with Tokens.RefundLost does not arrive, or
//     NotApplicable lists "refund/response lost"
//
// NotApplicable can list other subcases in the same way, such as "refund/same key for
// another amount".
//
// A provider whose capabilities say that it needs receipts gets one with each charge and
// each refund, and also runs the case "receipt". Other providers skip it.
//
// Not here: the wire format and webhooks. The adapter's own tests cover them.
package providertest
