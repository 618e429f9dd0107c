// Package billing holds the rules of the business: what money is, when a period
// ends, how a subscription and a payment live and die. It is pure: no I/O, no
// context, no clock, nothing but the standard library. The time of every
// decision is an argument.
//
// The life of a subscription:
//
//	Order.Start ──► incomplete ──paid──► active ──soft decline──► past_due
//	                    │                │ ▲ ▲                    │ │ ▲ │
//	                    │                └─┘ └────── paid ────────┘ │ └─┘
//	                    │              renewed                      │ declined, a try is left
//	                    │                │                          │
//	         declined,  │      cancelled │ and its period over,     │ cancelled between two tries,
//	         never sent │   declined for │ good, method removed     │ last try or declined for good,
//	                    │                │                          │ method removed
//	                    └────────────────┴─────────► ended ◄────────┘
//
// When a renewal or another try is due, Bill makes its payment, for the period
// that is running, and Settle says what came of it; between the two the
// subscription is charging, and no other payment is made. What was never sent is
// billed again and moves no status. A cancel waits for the period's end and for
// a payment that is on its way, and Resume takes it back until then. Access goes
// on while a renewal is tried again.
//
// The life of a payment:
//
//	pending ──► succeeded   the money moved
//	        ├─► declined    the payment system said no
//	        └─► abandoned   it never took the money, and nobody will send it any more
//
// A payment is stored as pending before a payment system hears of it. Its id is
// the idempotency key for ever. While nobody knows what became of it, it stays
// pending: a lost answer is looked up, never guessed. The first final outcome
// stands; a different one that comes later is a contradiction, kept for a
// person to look at.
//
// A viewer may keep a card here. Its number is sealed and comes out for one
// charge at a time, which the viewer makes and gives the code for; what renewals
// charge is the token that the payment system gave for it. A card that was removed,
// and every token that came of it, is never charged again.
//
// Each transition is a method that returns the new value and the events it
// caused; it changes nothing else. What is not here: how things are stored
// (adapters/postgres), in which order things happen (core/app), how they look to
// the outside (adapters/httpapi).
package billing
