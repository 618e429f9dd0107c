// Package stripe is the adapter of the payment system Stripe.
//
// A charge has two steps. The first creates a PaymentIntent, which moves no money. The
// second confirms it, and a PaymentIntent succeeds at most once:
//
//	payment method ─► customer ─► create ─► confirm ─► outcome
//	an error here is ErrNotSent             an error here is unknown
//
// A repeated charge repeats both steps under the same idempotency keys. Stripe then
// returns the recorded response, which may be out of date, so the adapter reads the
// PaymentIntent again. A viewer without a token pays on a page of Stripe, a Checkout
// Session.
//
// A token is "pm_…", as Stripe.js gives it to the viewer's browser, or "cus_…/pm_…",
// which the outcome of a page contains. Browsers are not trusted with either: a payment
// method is charged only if its customer belongs to the payer.
//
// A refund has its own idempotency key. Stripe forgets it after a day, so the adapter also
// reads the refunds of the PaymentIntent before it sends one:
//
//	payment ─► PaymentIntent ─► its refunds ─► found: the refund as it is now
//	                                        └► none:  send
//
// Not here: disputes and card numbers. Charges with a card are refused.
package stripe
