// Package simulator simulates a payment system. It takes money that does not exist,
// and keeps a ledger that no other program writes.
//
// The token decides the result:
//
//	tok_ok                      succeeds
//	tok_<decline code>          is always declined
//	tok_ok_then_<decline code>  succeeds once, then is declined
//	tok_declined_twice_then_ok  succeeds, insufficient_funds twice, then succeeds
//	tok_lost_answer             takes the money and never responds
//	tok_unavailable             refuses the connection
//	tok_slow                    succeeds after a while
//	tok_refund_pending          succeeds; refunds succeed after a while
//	tok_refund_fails            succeeds; refunds succeed, and are declined after a while
//	tok_refund_refused          succeeds; refunds are declined
//	tok_refund_lost             succeeds; refunds are made without a response
//	tok_3ds                     the viewer confirms the payment on a page; after
//	                            that it succeeds without the viewer
//
// The number of a card decides as well: see card.go. Renewals charge the token that
// was issued for the card. With neither a token nor a card, the viewer enters a card on
// the payment page: see page.go. A card can also be saved on a page without a charge: see
// save.go. A signed notification follows each change there.
//
// A suffix after ~ distinguishes tokens and changes nothing else: tok_ok~7. The history
// of a token contains the charges of all viewers.
//
// The simulator works like a foreign system. It commits a charge to its ledger, in its
// own transaction, before it responds, and the response may be lost:
//
//	Charge ─► connection ─► ledger ─► commit ─► response
//	          refused: not sent                 └ lost, slow, cut off: unknown
//
// [Config] adds faults to other tokens and cards, at random ([Odds]) or in a fixed
// order ([Script]).
//
// Not here: the service's handling of charges (core/payments), the schema "simulator"
// (db/simulator), opening the pool (the caller does that), and features of payment
// systems that the port lacks, such as disputes. The simulator stores neither card numbers
// nor CVVs. Of a card that is saved without a charge it stores the brand and the last four
// digits, as payment systems show them.
package simulator
