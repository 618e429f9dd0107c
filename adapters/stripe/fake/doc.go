// Package fake is a Stripe in memory, for tests. It has the objects, the statuses and the
// idempotency keys that the adapter uses, and faults.
//
// The id of a payment method decides the result:
//
//	pm_ok            succeeds
//	pm_decline_CODE  is declined with this decline_code
//	pm_3ds           the viewer confirms on a page; then renewals succeed
//	pm_absent_3ds    needs a confirmation, also without the viewer
//	pm_lost          takes the money and does not respond
//	pm_slow          succeeds after a while
//	pm_unavailable   cannot be read: status 503
//	pm_unsavable     cannot be saved without a payment
//	pm_refund_lost   succeeds; the response to a refund of it is lost
//
// A suffix distinguishes payment methods and changes nothing else: pm_ok_7.
//
// Not here: the check of parameters. The adapter's tests send them to stripe-mock.
package fake
