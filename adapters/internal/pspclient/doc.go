// Package pspclient is the HTTP client that adapters of payment systems share.
//
// It tells whether a request was sent, because that decides whether money can have
// moved. An error before the request was written is [ports.ErrNotSent]; after any later
// error the outcome is unknown:
//
//	wait for a slot ─► connect ─► TLS ─► write ─► read the response
//	ErrNotSent                           unknown
//
// Errors contain nothing that the payment system or the caller wrote: no address, no
// header and no body.
//
// [RetryAfter] serves the sender of webhooks too.
//
// Not here: the repetition of a request, and the meaning of a status or a body. Only
// status 429 is an error.
package pspclient
