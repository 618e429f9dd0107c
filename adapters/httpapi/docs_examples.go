package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// onlyMedia returns the one kind of content that there is, or nil.
func onlyMedia(c openapi3.Content) (string, *openapi3.MediaType) {
	for name, media := range c {
		return name, media
	}
	return "", nil
}

// curl returns a command that works when pasted, given $API and $TOKEN.
func curl(method, at string, o *openapi3.Operation) string {
	lines := []string{`curl "$API` + strings.NewReplacer("{ref}", "premium", "{id}", "$CARD").Replace(at) + `"`}
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
