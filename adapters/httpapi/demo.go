package httpapi

import (
	_ "embed"
	"net/http"
)

// demoHTML is a page that tries the API in a browser. It has no rights of its own: it
// sends the requests of any client, with the token that it gets after the # of its
// address or from a field. Browsers do not send that part of an address.
//
//go:embed demo.html
var demoHTML []byte

// demoPolicy returns the Content-Security-Policy of the page. It allows the script and
// the style sheet inside the page by their hashes, and requests to this API. Trusted
// Types forbid the script to turn text into markup.
func demoPolicy(page []byte) string {
	return "default-src 'none'; script-src " + inlineHash(page, "script") + "; style-src " + inlineHash(page, "style") +
		"; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
		"; require-trusted-types-for 'script'; trusted-types 'none'"
}

// demoPage returns the handler of /demo.
func demoPage(page []byte) http.Handler {
	return static(page, http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {demoPolicy(page)},
		"Cache-Control":           noStore,
	})
}
