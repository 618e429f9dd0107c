// Package fake imitates the part of YooKassa's API that the adapter uses, for tests. It
// keeps payments and saved methods in memory, remembers keys for 24 hours on a clock that
// tests move, and fails on command.
//
//	POST /v3/payments              create a payment
//	GET  /v3/payments              list payments, the newest first
//	GET  /v3/payments/{id}         read a payment
//	POST /v3/refunds               refund a payment or a part of it
//	GET  /v3/refunds               list refunds, the newest first
//	GET  /v3/refunds/{id}          read a refund
//	POST /v3/payment_methods       save a card on a page, without a payment
//	GET  /v3/payment_methods/{id}  read such a card
//	GET  /v3/me                    read the settings of the shop
//	POST /checkout/{id}            reply to the page of a payment or a card like a viewer
//
// The form of the page has the fields reply (approve or decline) and card (a test card
// number of YooKassa; the last four digits decide).
//
// Not here: two-stage payments, receipts, and means of payment besides cards.
package fake
