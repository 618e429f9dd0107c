package main

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

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

// memberNames returns the members of an object in reading order: by x-order, then
// in the order of required, then by name.
func memberNames(s *openapi3.Schema) []string {
	rank := func(name string) int {
		if at := slices.Index(s.Required, name); at >= 0 {
			return at
		}
		return len(s.Required)
	}
	return slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(xOrder(s.Properties[a]), xOrder(s.Properties[b])),
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a, b))
	})
}

func xOrder(ref *openapi3.SchemaRef) float64 {
	at, _ := ref.Value.Extensions["x-order"].(float64)
	return at
}

// typeOf returns the name of a schema's type.
func typeOf(ref *openapi3.SchemaRef) docType {
	s := ref.Value
	switch {
	case ref.Ref != "":
		return docType{Schema: path.Base(ref.Ref)}
	case s.Extensions["x-go-type"] != nil: // the nullable form of a shared schema
		return docType{Schema: fmt.Sprint(s.Extensions["x-go-type"])}
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

// limitsOf describes in words the values that a schema allows.
func limitsOf(s *openapi3.Schema) []string {
	s = resolve(s)
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
		var values []string
		for _, v := range s.Enum {
			if v != nil { // the type says that it may be null
				values = append(values, fmt.Sprintf("`%v`", v))
			}
		}
		list = append(list, strings.Join(values, ", "))
	}
	if s.Default != nil {
		list = append(list, fmt.Sprintf("`%v` by default", s.Default))
	}
	return list
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// resolve unwraps an allOf with one member. The document uses these to give a
// shared schema another description.
func resolve(s *openapi3.Schema) *openapi3.Schema {
	if len(s.AllOf) == 1 {
		return resolve(s.AllOf[0].Value)
	}
	return s
}
