package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

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
