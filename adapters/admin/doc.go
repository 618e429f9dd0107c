// Package admin is the admin panel over HTTP. It is the only package that knows
// GoAdmin.
//
// GoAdmin draws, and decides nothing. It lends its theme, page, menu and data
// table; the parts of it that take requests are left out, because in its stock
// form whoever is signed in can take it over, and some of it needs no sign-in:
//
//		request ─ guard (routes, query, origin, headers, gzip)
//		        ─ session (app.Door) ─ page ─ use case (app.Panel)
//		                                │
//		                     GoAdmin: table.Table, types.Page, theme ─► HTML
//
//	  - It has no database: its lists come from [source], a table.Table over use
//	    cases. What a source has no function for is refused on the server.
//	  - It sees no request: no query, no cookie, no form reaches its code.
//	  - Its templates are replaced by our own in one theme, so that a page has no
//	    inline script or style, and the Content-Security-Policy allows none.
//
// Not here: who may do what, and the audit (core/app); how people and their
// sessions are kept (adapters/postgres).
package admin
