package httpapi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
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

// The page, in the order in which it is read.
type (
	docPage struct {
		Title, Version, About string
		Token                 string // how to authenticate
		Groups                []docGroup
		Schemas               []docSchema
	}
	docGroup struct {
		Name, Description string
		Operations        []docOperation
	}
	docOperation struct {
		ID, Method, Path, Summary, Description string
		Public                                 bool
		Parameters                             []docField
		Body                                   *docBody
		Curl                                   string
		Answers                                []docAnswer
	}
	docBody struct {
		Optional bool
		Type     docType
		Fields   []docField
		Example  string
	}
	docAnswer struct {
		Status, Text, Description string
		Success                   bool
		Headers                   []string
		Type                      docType
		Example                   string
	}
	docSchema struct {
		Name, Description string
		Fields            []docField
		Values            []string
		Example           string
	}
	docField struct {
		Name, Where        string
		Type               docType
		Required, Nullable bool
		Limits             []string
		Description        string
	}
	// docType is the name of a type. Schema is the part of it that is explained
	// further down, if any.
	docType struct{ Text, Schema string }
)

func newPage(doc *openapi3.T) docPage {
	p := docPage{Title: doc.Info.Title, Version: doc.Info.Version, About: doc.Info.Description}
	for _, scheme := range doc.Components.SecuritySchemes {
		p.Token = scheme.Value.Description
	}
	for _, tag := range doc.Tags {
		p.Groups = append(p.Groups, docGroup{tag.Name, tag.Description, operationsOf(doc, tag.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		p.Schemas = append(p.Schemas, newSchema(name, doc.Components.Schemas[name].Value))
	}
	return p
}

func operationsOf(doc *openapi3.T, tag string) []docOperation {
	var list []docOperation
	for _, at := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(at).Operations()
		// POST comes before GET: first make a thing, then look at it.
		for _, method := range slices.Backward(slices.Sorted(maps.Keys(operations))) {
			if o := operations[method]; slices.Contains(o.Tags, tag) {
				list = append(list, newOperation(method, at, o))
			}
		}
	}
	return list
}

func newOperation(method, at string, o *openapi3.Operation) docOperation {
	d := docOperation{
		ID: o.OperationID, Method: method, Path: at, Summary: o.Summary, Description: o.Description,
		Public: o.Security != nil && len(*o.Security) == 0,
		Body:   newBody(o.RequestBody),
		Curl:   curl(method, at, o),
	}
	for _, p := range o.Parameters {
		d.Parameters = append(d.Parameters, newParameter(p.Value))
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses.Map())) {
		d.Answers = append(d.Answers, newAnswer(status, o.Responses.Value(status).Value))
	}
	return d
}

func newParameter(p *openapi3.Parameter) docField {
	f := newField(p.Name, p.Schema, p.Required)
	f.Where, f.Description = p.In, p.Description
	return f
}

func newBody(ref *openapi3.RequestBodyRef) *docBody {
	if ref == nil {
		return nil
	}
	_, media := onlyMedia(ref.Value.Content)
	return &docBody{
		Optional: !ref.Value.Required,
		Type:     typeOf(media.Schema),
		Fields:   fieldsOf(plain(media.Schema.Value)),
		Example:  mediaExample(media).indented(),
	}
}

func newAnswer(status string, r *openapi3.Response) docAnswer {
	code, _ := strconv.Atoi(status)
	a := docAnswer{Status: status, Text: http.StatusText(code), Success: code/100 == 2}
	if r.Description != nil {
		a.Description = *r.Description
	}
	a.Headers = slices.Sorted(maps.Keys(r.Headers))
	if _, media := onlyMedia(r.Content); media != nil {
		a.Type, a.Example = typeOf(media.Schema), mediaExample(media).indented()
	}
	return a
}

func newSchema(name string, s *openapi3.Schema) docSchema {
	d := docSchema{Name: name, Description: s.Description, Fields: fieldsOf(s)}
	for _, v := range s.Enum {
		d.Values = append(d.Values, fmt.Sprint(v))
	}
	if len(d.Fields) > 0 {
		d.Example = example{s, exampleOf(s)}.indented()
	}
	return d
}

func fieldsOf(s *openapi3.Schema) []docField {
	var list []docField
	for _, name := range memberNames(s) {
		list = append(list, newField(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	return list
}

func newField(name string, ref *openapi3.SchemaRef, required bool) docField {
	s := ref.Value
	return docField{
		Name: name, Type: typeOf(ref), Required: required, Nullable: s.Nullable,
		Limits: limitsOf(s), Description: s.Description,
	}
}

// memberNames lists the members of an object as the document means them to be
// read: by x-order where it is given, then as listed in required, then by name.
func memberNames(s *openapi3.Schema) []string {
	rank := func(name string) int {
		if at := slices.Index(s.Required, name); at >= 0 {
			return at
		}
		return len(s.Required)
	}
	return slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(order(s.Properties[a]), order(s.Properties[b])),
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a, b))
	})
}

func order(ref *openapi3.SchemaRef) float64 {
	at, _ := ref.Value.Extensions["x-order"].(float64)
	return at
}

// typeOf names the type of a schema.
func typeOf(ref *openapi3.SchemaRef) docType {
	s := ref.Value
	switch {
	case ref.Ref != "":
		return docType{Schema: path.Base(ref.Ref)}
	case len(s.AllOf) == 1:
		return typeOf(s.AllOf[0])
	case s.Type.Is(openapi3.TypeArray):
		of := typeOf(s.Items)
		return docType{strings.TrimSpace("array of " + of.Text), of.Schema}
	case s.Format != "":
		return docType{Text: s.Type.Slice()[0] + ", " + s.Format}
	default:
		return docType{Text: s.Type.Slice()[0]}
	}
}

// limitsOf says in words what a value must be like.
func limitsOf(s *openapi3.Schema) []string {
	s = plain(s)
	var list []string
	switch {
	case s.MaxLength != nil && *s.MaxLength == s.MinLength:
		list = append(list, fmt.Sprintf("%d characters", s.MinLength))
	case s.MaxLength != nil:
		list = append(list, fmt.Sprintf("%d to %d characters", s.MinLength, *s.MaxLength))
	}
	switch {
	case s.Min != nil && s.Max != nil:
		list = append(list, number(*s.Min)+" to "+number(*s.Max))
	case s.Min != nil:
		list = append(list, "at least "+number(*s.Min))
	}
	if s.Pattern != "" {
		list = append(list, "matches `"+s.Pattern+"`")
	}
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprintf("`%v`", v)
		}
		list = append(list, strings.Join(values, ", "))
	}
	if s.Default != nil {
		list = append(list, fmt.Sprintf("`%v` when left out", s.Default))
	}
	return list
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// plain looks through the allOf that gives a shared schema a description of its
// own.
func plain(s *openapi3.Schema) *openapi3.Schema {
	if len(s.AllOf) == 1 {
		return plain(s.AllOf[0].Value)
	}
	return s
}

// onlyMedia returns the one kind of content that there is, or nil.
func onlyMedia(c openapi3.Content) (string, *openapi3.MediaType) {
	for name, media := range c {
		return name, media
	}
	return "", nil
}

// curl returns a command that works when pasted, given $API and $TOKEN.
func curl(method, at string, o *openapi3.Operation) string {
	lines := []string{`curl "$API` + strings.ReplaceAll(at, "{ref}", "premium") + `"`}
	if method != http.MethodGet {
		lines[0] = `curl -X ` + method + lines[0][len("curl"):]
	}
	if o.Security == nil {
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	for _, p := range o.Parameters {
		if p.Value.In == openapi3.ParameterInHeader {
			// Fixed, the key would make the second try a repetition of the first.
			lines = append(lines, `-H "`+p.Value.Name+`: `+o.OperationID+`-$(date +%s)"`)
		}
	}
	if o.RequestBody != nil {
		name, media := onlyMedia(o.RequestBody.Value.Content)
		lines = append(lines, `-H "Content-Type: `+name+`"`, `-d '`+mediaExample(media).line()+`'`)
	}
	return strings.Join(lines, " \\\n  ")
}

// example is a value and what it is an example of.
type example struct {
	of    *openapi3.Schema
	value any
}

func mediaExample(m *openapi3.MediaType) example {
	if m.Example != nil {
		return example{m.Schema.Value, m.Example}
	}
	return example{m.Schema.Value, exampleOf(m.Schema.Value)}
}

// exampleOf returns the example that the schema gives, or puts one together
// from those of its parts.
func exampleOf(s *openapi3.Schema) any {
	s = plain(s)
	switch {
	case s.Example != nil:
		return s.Example
	case s.Type.Is(openapi3.TypeObject):
		members := make(map[string]any, len(s.Properties))
		for name, ref := range s.Properties {
			members[name] = exampleOf(ref.Value)
		}
		return members
	case s.Type.Is(openapi3.TypeArray):
		return []any{exampleOf(s.Items.Value)}
	default:
		return nil
	}
}

func (e example) line() string { return e.render("", false) }

func (e example) indented() string { return e.render("\n", true) }

// render writes the value as JSON with its members in the order of the schema.
// Each line begins with nl; small objects such as money stay on one line.
func (e example) render(nl string, indent bool) string {
	switch v := e.value.(type) {
	case map[string]any:
		return e.object(v, nl, indent)
	case []any:
		return e.array(v, nl, indent)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return "" // not possible: it was read from YAML
		}
		return string(b)
	}
}

func (e example) object(members map[string]any, nl string, indent bool) string {
	of := plain(e.of)
	indent = indent && (nl == "\n" || len(members) > 2)
	var parts []string
	for _, name := range memberNames(of) {
		if v, there := members[name]; there {
			parts = append(parts, strconv.Quote(name)+": "+example{of.Properties[name].Value, v}.render(nl+"  ", indent))
		}
	}
	return enclose("{", parts, "}", nl, indent)
}

func (e example) array(items []any, nl string, indent bool) string {
	parts := make([]string, len(items))
	nested := false
	for i, item := range items {
		parts[i] = example{plain(e.of).Items.Value, item}.render(nl+"  ", indent)
		_, object := item.(map[string]any)
		nested = nested || object
	}
	return enclose("[", parts, "]", nl, indent && nested)
}

func enclose(opening string, parts []string, closing, nl string, indent bool) string {
	if !indent || len(parts) == 0 {
		return opening + strings.Join(parts, ", ") + closing
	}
	return opening + nl + "  " + strings.Join(parts, ","+nl+"  ") + nl + closing
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
