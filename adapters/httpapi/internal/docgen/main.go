// Command docgen writes the documentation page of the API: one HTML page that
// needs no script, no other file and no network.
//
// make generate runs it. The service serves the bytes that docgen wrote; it
// renders nothing at run time.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: docgen OPENAPI.yaml PAGE.html")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// run renders the OpenAPI document in source and writes the page to target.
func run(source, target string) error {
	doc, err := load(source)
	if err != nil {
		return err
	}
	page, err := render(doc)
	if err != nil {
		return err
	}
	return os.WriteFile(target, page, 0o644) //nolint:gosec // a source file of the repository
}

// load reads and validates an OpenAPI document.
func load(path string) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("validate %s: %w", path, err)
	}
	return doc, nil
}

//go:embed page.html
var layout string

// render returns the page of the document. The same document always gives the
// same bytes.
func render(doc *openapi3.T) ([]byte, error) {
	t, err := template.New("page.html").Funcs(template.FuncMap{"prose": prose}).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newPage(doc)); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return b.Bytes(), nil
}

// span is a piece of text. The page sets it in the font of code if Code is true.
type span struct {
	Text string
	Code bool
}

// prose splits a description into paragraphs, and each paragraph into spans at
// its backticks. Descriptions use no other Markdown.
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
