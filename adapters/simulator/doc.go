// Package simulator imitates a payment system: it takes money that does not
// exist, and keeps books about it that nobody else writes.
//
// The token says what happens:
//
//	tok_ok                      fine
//	tok_<decline code>          declined, every time
//	tok_ok_then_<decline code>  fine the first time, then declined
//	tok_declined_twice_then_ok  fine, insufficient_funds twice, then fine
//	tok_lost_answer             takes the money and never answers, every time
//	tok_unavailable             refuses the connection
//	tok_slow                    fine, after a while
//	tok_3ds                     the viewer confirms it on a page; fine without
//	                            the viewer once that has happened
//
// A card's number says it too: what each does stands in card.go. Without the
// viewer the token is charged that was given for the card, which does what the
// card is said to do later.
//
// Whatever follows a ~ tells tokens apart and changes nothing: tok_ok~7. What a
// token remembers, it remembers from the charges of everybody who uses it.
//
// It behaves as a foreign system does. A charge is committed in its own books,
// in its own transaction, before the answer goes out, and the way back may fail:
//
//	Charge ─► connection ─► books ─► commit ─► the way back ─► answer
//	          refused: not sent                └ lost, slow, cut off: unknown
//
// Faults that no token asks for come from [Config]: at random ([Odds]) or one by
// one ([Script]).
//
// Not here: the service's view of a charge (core/payments), the making of the schema
// "simulator" (db/migrations), opening the pool (the caller's), and anything
// that real payment systems do and the port has no word for: refunds, webhooks.
// Of a card nothing is kept: not its number, nor anything made from it, nor its
// CVV.
package simulator
