package httpapi

import (
	"net/http"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// description is the document with the handlers of itself and of its readable
// form.
type description struct {
	doc        *openapi3.T
	json, html http.Handler
}

// describe reads and renders the document once: it is part of the binary, and
// nothing changes it.
var describe = sync.OnceValues(func() (description, error) {
	doc, err := loadDocument()
	if err != nil {
		return description{}, err
	}
	text, err := documentJSON(doc)
	if err != nil {
		return description{}, err
	}
	page, err := docsPage(doc)
	if err != nil {
		return description{}, err
	}
	return description{
		doc:  doc,
		json: static(text, http.Header{"Content-Type": {"application/json"}}),
		html: static(page, http.Header{
			"Content-Type": {"text/html; charset=utf-8"}, "Content-Security-Policy": {docsPolicy(page)},
		}),
	}, nil
})

func static(content []byte, headers http.Header) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range headers {
			w.Header()[name] = values
		}
		_, _ = w.Write(content)
	})
}
