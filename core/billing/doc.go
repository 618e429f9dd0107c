// Package billing holds the rules of the business: what money is, when a period
// ends, how a subscription and a payment live and die. It is pure: no I/O, no
// context, no clock, nothing but the standard library. The time of every
// decision is an argument.
//
// The life of a subscription:
//
//	Order.Start ──► incomplete ──paid──► active ──Cancel at period end, period over──► ended
//	                    │                  │  ▲                                          ▲
//	                    │                  └──┴─ Cancel / Resume before the period ends  │
//	                    ├── declined ────────────────────────────────────────────────────┤
//	                    └── never reached the payment system ────────────────────────────┘
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
// Each transition is a method that returns the new value and the events it
// caused; it changes nothing else. What is not here: how things are stored
// (adapters/postgres), in which order things happen (core/app), how they look to
// the outside (adapters/httpapi).
package billing
