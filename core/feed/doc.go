// Package feed delivers the events of all viewers to the cinema's services.
//
//	service ─► cursor ─► ports.Feed ─► page, next cursor
//	Pusher  ─► lease  ─► ports.Feed ─► webhooks to an endpoint
//
// A cursor is a place in the order of the feed. A service that continues with the cursor of
// each page receives every event once, and those of a viewer in the order in which they
// were recorded. A service that stores the cursor after the work may receive the last page
// again, so it ignores ids that it knows.
//
// Not here: the order itself and the snapshot that makes it complete (adapters/postgres),
// scopes and JSON (adapters/httpapi), HTTP requests to endpoints and the addresses that they
// may have (adapters/webhook), the changes that operators make (core/operators).
package feed
