// Package webhook sends webhooks over HTTP, by Standard Webhooks.
//
//	name ─► resolver ─► address ─► allowed? ─► connect ─► TLS ─► POST ─► status
//
// The address is checked when the connection is dialled, after the name was resolved: a
// check of the name would be passed by a name that gets another address later. Addresses
// that are not public are refused, unless the configuration allows their network. The client
// follows no redirect, uses no proxy of the environment, and reads at most a small part of a
// response, which it drops. Failures are classes: they quote neither addresses nor bodies.
//
// Not here: the signature (core/billing), and when a webhook is sent (core/feed).
package webhook
