// Package admin serves the admin panel over HTTP. It is the only package that
// imports GoAdmin.
//
// GoAdmin draws the panel: its theme, page, menu and data table. It handles no
// requests, because in its stock form any signed-in user can take it over, and
// some of its routes need no sign-in:
//
//		request ─ guard (origin, limits, headers, gzip)
//		        ─ session (cookie, query, form) ─ page ─ use case
//		                                            │
//		              GoAdmin: table.Table, types.Page, theme ─► HTML
//
//	  - GoAdmin has no database. Its lists come from [source], a read-only
//	    table.Table over use cases. Our own handlers make all changes.
//	  - GoAdmin sees no request: no query, cookie or form reaches its code.
//	  - Our templates replace GoAdmin's in one theme. Pages have no inline script or
//	    style, and the Content-Security-Policy allows none.
//
// Not here: permissions and the audit (core), storage of panel users and their
// sessions (adapters/postgres).
package admin
