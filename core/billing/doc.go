// Package billing contains the business rules: money, periods, and the life
// cycles of subscriptions and payments. It is pure: no I/O, no context, no clock,
// and only the standard library. The time of every decision is an argument.
//
// The life cycle of a subscription:
//
//	Order.Start ──► incomplete ──paid──► active ──soft decline──► past_due
//	                    │                │ ▲ ▲                    │ │ ▲ │
//	                    │                └─┘ └────── paid ────────┘ │ └─┘
//	                    │              renewed                      │ declined, a retry is left
//	                    │                │                          │
//	         declined,  │      cancelled │ and period over,         │ cancelled between retries,
//	         never sent │  hard decline, │ method removed           │ last retry declined,
//	                    │                │                          │ hard decline, method removed
//	                    └────────────────┴─────────► ended ◄────────┘
//
// When a renewal or a retry is due, Bill returns its payment, for the current
// period. Settle applies the payment's outcome. Between the two, the subscription
// is charging and no other payment is made. A payment that was never sent is
// billed again and does not change the status.
//
// A cancel takes effect at the end of the period, and after any pending payment.
// Until then Resume revokes it. The viewer keeps access while a renewal is
// retried.
//
// The life cycle of a payment:
//
//	pending ──► succeeded   the money moved
//	        ├─► declined    the payment system refused
//	        └─► abandoned   no money moved, and the payment will not be sent again
//
// A payment is stored as pending before it is sent to the payment system. Its id
// is its permanent idempotency key. It stays pending while its outcome is unknown:
// after a lost response the service looks the payment up and never guesses. The
// first final outcome wins. A different outcome later is a contradiction, which is
// recorded for a person to resolve.
//
// A viewer can store a card. Its number is encrypted and is decrypted only for a
// payment that the viewer makes and gives the CVV for. Renewals charge the token
// that the payment system returned for that payment. After the card is removed,
// neither it nor any of its tokens is charged again, and StopRenewal cancels the
// subscriptions that it pays.
//
// Each transition is a method that returns the new value and its events, and
// changes nothing else. Not here: storage (adapters/postgres), the sequence of a
// use case (core/viewers, core/renewals), the API
// (adapters/httpapi).
package billing
