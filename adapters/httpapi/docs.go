package httpapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed openapi.yaml docs.html
var documents embed.FS

// loadDocument returns the description of the API that the code is generated
// from. It fails only when the binary was built with a broken one.
func loadDocument() (*openapi3.T, error) {
	source, err := documents.ReadFile("openapi.yaml")
	if err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(source)
	if err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	return doc, nil
}

// documentJSON returns the document as programs want to read it.
func documentJSON(doc *openapi3.T) ([]byte, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("openapi document as JSON: %w", err)
	}
	return append(b, '\n'), nil
}

// docsPage returns the document as people want to read it: one HTML page that
// needs nothing else, neither scripts nor a network.
func docsPage(doc *openapi3.T) ([]byte, error) {
	t, err := template.New("docs.html").Funcs(template.FuncMap{"prose": prose}).ParseFS(documents, "docs.html")
	if err != nil {
		return nil, fmt.Errorf("documentation page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newPage(doc)); err != nil {
		return nil, fmt.Errorf("documentation page: %w", err)
	}
	return b.Bytes(), nil
}

// docsPolicy returns the Content-Security-Policy under which the page works: it
// loads nothing, and its own style sheet is allowed by its hash.
func docsPolicy(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte("<style>"))
	style, _, _ := bytes.Cut(rest, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// span is a piece of a text, set as code or not.
type span struct {
	Text string
	Code bool
}

// prose splits a description into paragraphs and these at their backticks. The
// document's descriptions use no more of Markdown than that.
func prose(text string) [][]span {
	var paragraphs [][]span
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var spans []span
		for i, piece := range strings.Split(strings.ReplaceAll(paragraph, "\n", " "), "`") {
			if piece != "" {
				spans = append(spans, span{piece, i%2 == 1})
			}
		}
		if spans != nil {
			paragraphs = append(paragraphs, spans)
		}
	}
	return paragraphs
}
