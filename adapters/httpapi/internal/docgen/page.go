package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The data of the page, in reading order.
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
		Responses                              []docResponse
	}
	docBody struct {
		Optional bool
		Type     docType
		Fields   []docField
		Example  string
	}
	docResponse struct {
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
	// docType is the name of a type: plain text, then a schema that the page
	// describes and links to. Either may be empty.
	docType struct{ Text, Schema string }
)

func newPage(doc *openapi3.T) docPage {
	p := docPage{Title: doc.Info.Title, Version: doc.Info.Version, About: doc.Info.Description}
	var tokens []string
	for _, name := range slices.Sorted(maps.Keys(doc.Components.SecuritySchemes)) {
		tokens = append(tokens, doc.Components.SecuritySchemes[name].Value.Description)
	}
	p.Token = strings.Join(tokens, "\n\n")
	for _, tag := range doc.Tags {
		p.Groups = append(p.Groups, docGroup{tag.Name, tag.Description, newOperations(doc, tag.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		p.Schemas = append(p.Schemas, newSchema(name, doc.Components.Schemas[name].Value))
	}
	return p
}

// newOperations returns the operations of a tag, by path. POST comes before GET,
// because a reader creates a resource before fetching it.
func newOperations(doc *openapi3.T, tag string) []docOperation {
	var list []docOperation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(path).Operations()
		for _, method := range slices.Backward(slices.Sorted(maps.Keys(operations))) {
			if o := operations[method]; slices.Contains(o.Tags, tag) {
				list = append(list, newOperation(method, path, o))
			}
		}
	}
	return list
}

// isPublic reports whether the operation needs no token.
func isPublic(o *openapi3.Operation) bool { return o.Security != nil && len(*o.Security) == 0 }

func newOperation(method, path string, o *openapi3.Operation) docOperation {
	d := docOperation{
		ID: o.OperationID, Method: method, Path: path, Summary: o.Summary, Description: o.Description,
		Public: isPublic(o),
		Body:   newBody(o.RequestBody),
		Curl:   curl(method, path, o),
	}
	for _, p := range o.Parameters {
		d.Parameters = append(d.Parameters, newParameter(p.Value))
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses.Map())) {
		d.Responses = append(d.Responses, newResponse(status, o.Responses.Value(status).Value))
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
		Fields:   fieldsOf(resolve(media.Schema.Value)),
		Example:  mediaExample(media).indented(),
	}
}

func newResponse(status string, r *openapi3.Response) docResponse {
	code, _ := strconv.Atoi(status)
	d := docResponse{Status: status, Text: http.StatusText(code), Success: code/100 == 2}
	if r.Description != nil {
		d.Description = *r.Description
	}
	d.Headers = slices.Sorted(maps.Keys(r.Headers))
	if _, media := onlyMedia(r.Content); media != nil {
		d.Type, d.Example = typeOf(media.Schema), mediaExample(media).indented()
	}
	return d
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
