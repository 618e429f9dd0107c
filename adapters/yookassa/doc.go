// Package yookassa charges viewers through YooKassa (API v3).
//
//	first payment  POST /payments with save_payment_method ─► a page of YooKassa ─► token
//	saved card     POST /payment_methods                   ─► a page of YooKassa ─► token
//	renewal        POST /payments with payment_method_id   ─► succeeded or canceled
//	lookup         GET /payments/{id}, or the list of a time window by metadata.payment_id
//	               GET /payment_methods/{id}, or the same request again
//
// The payment id is the Idempotence-Key. YooKassa remembers a key for 24 hours and answers
// a repeated request with the present state of the payment. The adapter sends nothing after
// 23 hours.
//
// A refund is a POST /refunds with its own key. Before it is sent, the adapter reads the
// payment and its refunds, because a key that YooKassa has forgotten pays back again.
//
// A token is the id of a payment method that YooKassa has saved for the shop.
//
// Not here: card numbers, which only certified shops may send; fiscal receipts;
// and the deletion of a saved method, for which the API has no request.
package yookassa
