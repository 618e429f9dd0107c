package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// onlyMedia returns the only media type of a body, or nil if it has none.
func onlyMedia(c openapi3.Content) (string, *openapi3.MediaType) {
	for name, media := range c {
		return name, media
	}
	return "", nil
}

// curl returns a command that works when pasted into a shell. It needs $API and,
// except for public operations, $TOKEN.
func curl(method, path string, o *openapi3.Operation) string {
	lines := []string{`curl "$API` + strings.NewReplacer("{ref}", "premium", "{id}", "$CARD").Replace(path) + `"`}
	if method != http.MethodGet {
		lines[0] = `curl -X ` + method + lines[0][len("curl"):]
	}
	if !isPublic(o) {
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	for _, p := range o.Parameters {
		if p.Value.In == openapi3.ParameterInHeader {
			// A fixed key would make the second run replay the response of the first.
			lines = append(lines, `-H "`+p.Value.Name+`: `+o.OperationID+`-$(date +%s)"`)
		}
	}
	if o.RequestBody != nil {
		name, media := onlyMedia(o.RequestBody.Value.Content)
		lines = append(lines, `-H "Content-Type: `+name+`"`, `-d '`+mediaExample(media).line()+`'`)
	}
	return strings.Join(lines, " \\\n  ")
}

// example is a value with its schema.
type example struct {
	schema *openapi3.Schema
	value  any
}

func mediaExample(m *openapi3.MediaType) example {
	if m.Example != nil {
		return example{m.Schema.Value, m.Example}
	}
	return example{m.Schema.Value, exampleOf(m.Schema.Value)}
}

// exampleOf returns the example of a schema, or builds one from the examples of
// its members.
func exampleOf(s *openapi3.Schema) any {
	s = resolve(s)
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

// render returns the value as JSON, with its members in the order of the schema.
// nl is the line break with the current indentation. Objects of up to two members,
// such as money, stay on one line.
func (e example) render(nl string, indent bool) string {
	switch v := e.value.(type) {
	case map[string]any:
		return e.object(v, nl, indent)
	case []any:
		return e.array(v, nl, indent)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return "" // cannot happen: the value was parsed from YAML
		}
		return string(b)
	}
}

func (e example) object(members map[string]any, nl string, indent bool) string {
	schema := resolve(e.schema)
	indent = indent && (nl == "\n" || len(members) > 2)
	var parts []string
	for _, name := range memberNames(schema) {
		if v, ok := members[name]; ok {
			parts = append(parts, strconv.Quote(name)+": "+example{schema.Properties[name].Value, v}.render(nl+"  ", indent))
		}
	}
	return enclose("{", parts, "}", nl, indent)
}

func (e example) array(items []any, nl string, indent bool) string {
	parts := make([]string, len(items))
	objects := false
	for i, item := range items {
		parts[i] = example{resolve(e.schema).Items.Value, item}.render(nl+"  ", indent)
		_, object := item.(map[string]any)
		objects = objects || object
	}
	return enclose("[", parts, "]", nl, indent && objects)
}

func enclose(opening string, parts []string, closing, nl string, indent bool) string {
	if !indent || len(parts) == 0 {
		return opening + strings.Join(parts, ", ") + closing
	}
	return opening + nl + "  " + strings.Join(parts, ","+nl+"  ") + nl + closing
}
