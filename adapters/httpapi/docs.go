package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

var (
	//go:embed openapi.yaml
	openapiYAML []byte
	//go:embed docs.html
	docsHTML []byte // generated from openapi.yaml by internal/docgen
)

// documentation is the OpenAPI document, and the handlers of /openapi.json and
// /docs.
type documentation struct {
	openapi    *openapi3.T
	json, html http.Handler
}

// loadDocumentation parses the embedded document once per process.
var loadDocumentation = sync.OnceValues(func() (documentation, error) {
	doc, err := parseOpenAPI(openapiYAML)
	if err != nil {
		return documentation{}, err
	}
	text, err := openapiJSON(doc)
	if err != nil {
		return documentation{}, err
	}
	return documentation{
		openapi: doc,
		json:    static(text, http.Header{"Content-Type": typeJSON}),
		html:    docsPage(docsHTML),
	}, nil
})

// parseOpenAPI parses and validates an OpenAPI document.
func parseOpenAPI(source []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(source)
	if err != nil {
		return nil, fmt.Errorf("parse openapi.yaml: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("validate openapi.yaml: %w", err)
	}
	return doc, nil
}

// openapiJSON returns the document as one line of JSON.
func openapiJSON(doc *openapi3.T) ([]byte, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("render openapi.json: %w", err)
	}
	return append(b, '\n'), nil
}

// docsPolicy returns the Content-Security-Policy of the page. It forbids all
// loading and allows the style sheet inside the page by its hash.
func docsPolicy(page []byte) string {
	return "default-src 'none'; style-src " + inlineHash(page, "style") +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// inlineHash returns the source expression that allows the page's first element with
// this tag. The tag must not have attributes.
func inlineHash(page []byte, tag string) string {
	_, rest, _ := bytes.Cut(page, []byte("<"+tag+">"))
	content, _, _ := bytes.Cut(rest, []byte("</"+tag+">"))
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// exampleOrigin is the address of the service in docs.html.
const exampleOrigin = "http://127.0.0.1:8080"

// plainHost matches hosts that are safe in HTML and in a shell.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]{1,255}$`)

// docsPage returns a handler that sends the page with the origin of the request in
// its examples. It assumes HTTPS if the request or a proxy's header says so.
func docsPage(page []byte) http.Handler {
	policy := []string{docsPolicy(page)}
	parts := bytes.Split(page, []byte(exampleOrigin))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := exampleOrigin
		if plainHost.MatchString(r.Host) {
			origin = "http://" + r.Host
			if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
				origin = "https://" + r.Host
			}
		}
		w.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
		w.Header()["Content-Security-Policy"] = policy
		w.Header()["Cache-Control"] = noStore // it depends on the request
		shown := []byte(origin)
		for i, part := range parts {
			if i > 0 {
				_, _ = w.Write(shown) //nolint:gosec // plainHost allows no markup
			}
			_, _ = w.Write(part)
		}
	})
}

// static returns a handler that always sends the same bytes.
func static(content []byte, headers http.Header) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range headers {
			w.Header()[name] = values
		}
		_, _ = w.Write(content)
	})
}
