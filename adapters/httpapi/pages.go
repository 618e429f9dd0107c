package httpapi

import (
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// pages makes the handlers of the document and of its readable form, which are
// rendered once.
func pages(doc *openapi3.T) (document, docs http.Handler, err error) {
	text, err := documentJSON(doc)
	if err != nil {
		return nil, nil, err
	}
	html, err := docsPage(doc)
	if err != nil {
		return nil, nil, err
	}
	docs = static(html, http.Header{
		"Content-Type": {"text/html; charset=utf-8"}, "Content-Security-Policy": {docsPolicy(html)},
	})
	return static(text, http.Header{"Content-Type": {"application/json"}}), docs, nil
}

func static(content []byte, headers http.Header) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range headers {
			w.Header()[name] = values
		}
		_, _ = w.Write(content)
	})
}
