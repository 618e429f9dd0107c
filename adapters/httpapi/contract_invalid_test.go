package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// invalidRequest is a request that violates one rule of the document.
type invalidRequest struct {
	rule    string
	request requestParts
	status  int // of the expected response
}

// TestContract_InvalidRequests violates each rule that the document has for an
// operation, one at a time, in a request that would succeed otherwise.
func TestContract_InvalidRequests(t *testing.T) {
	t.Parallel()
	for _, op := range operations(newResponseChecker(t).doc) {
		t.Run(op.OperationID, func(t *testing.T) {
			t.Parallel()
			s, valid := validRequest(t, op)
			if s == nil {
				t.Fatal("no request of the operation succeeds; add an example to the document")
			}
			all := invalidRequests(s.checker.doc, valid)
			for _, r := range all {
				if w := s.send(t, r.request); w.Code != r.status {
					t.Errorf("%s: %v: got %d %s, want %d", r.rule, r.request, w.Code, w.Body, r.status)
				}
			}
			s.prepare(op)
			if w := s.send(t, valid); w.Code >= 300 {
				t.Errorf("the valid request: got %d %s", w.Code, w.Body)
			}
			t.Logf("%d invalid requests", len(all))
		})
	}
}

func invalidRequests(doc *openapi3.T, valid requestParts) []invalidRequest {
	all := invalidMethods(doc, valid)
	add := func(rule string, status int, change func(*requestParts)) {
		a := valid.clone()
		change(&a)
		all = append(all, invalidRequest{rule, a, status})
	}
	if valid.op.secured() {
		add("no token", 401, func(a *requestParts) { a.user = "" })
		add("unknown token", 401, func(a *requestParts) { a.user = "unknown" })
		add("another caller's token", 403, func(a *requestParts) {
			if a.user = "alice"; valid.user == "alice" {
				a.user = "player"
			}
		})
	}
	add("unknown parameter", 400, func(a *requestParts) { a.query.Set("unknown", "1") })
	for _, p := range valid.op.params {
		for _, value := range invalidTexts(p.Value.Schema.Value) {
			status := http.StatusUnprocessableEntity
			if p.Value.In == openapi3.ParameterInPath {
				status = http.StatusNotFound
			}
			if value != "" || p.Value.In != openapi3.ParameterInPath { // an empty value gives another path
				add(fmt.Sprintf("%s is %.40q", p.Value.Name, value), status, func(a *requestParts) { a.set(p.Value, value) })
			}
		}
	}
	if valid.body != nil || valid.method == http.MethodPost {
		all = append(all, invalidBodies(valid)...)
	}
	return all
}

// invalidMethods returns a request for each method that the path does not support.
func invalidMethods(doc *openapi3.T, valid requestParts) (all []invalidRequest) {
	item := doc.Paths.Value(valid.op.path)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
		if _, known := item.Operations()[method]; !known {
			a := valid.clone()
			a.method = method
			all = append(all, invalidRequest{"method " + method, a, http.StatusMethodNotAllowed})
		}
	}
	return all
}

// invalidTexts returns values of a parameter that its schema does not allow.
func invalidTexts(schema *openapi3.Schema) (all []string) {
	texts := []string{"", "a b", "é", "-1", "0", "1.5", "1e3", "9223372036854775808", strings.Repeat("a", 300), strings.Repeat("7", 300), strings.Repeat("a", 5000)}
	for _, text := range texts {
		var v any = text
		if schema.Type.Is("integer") {
			n, err := parseJSON([]byte(text))
			if err != nil {
				all = append(all, text)
				continue
			}
			v = n
		}
		if schema.VisitJSON(v) != nil {
			all = append(all, text)
		}
	}
	return all
}

// invalidBodies returns requests whose body is malformed or violates the schema.
func invalidBodies(valid requestParts) (all []invalidRequest) {
	add := func(rule string, status int, body, media string) {
		a := valid.clone()
		a.body = []byte(body)
		a.header.Set("Content-Type", media)
		all = append(all, invalidRequest{rule, a, status})
	}
	const jsonType = "application/json"
	object := "{}"
	if len(valid.body) > 0 {
		object = string(valid.body)
	}
	if valid.op.bodyRequired {
		add("no body", 415, "", "")
	}
	add("text", 415, object, "text/plain")
	add("no media type", 415, object, "")
	add("too large", 413, object+strings.Repeat(" ", maxServiceBody), jsonType)
	for rule, body := range map[string]string{
		"not JSON": "a=b", "truncated": object[:len(object)-1], "two values": object + object, "duplicate member": `{"a":1,"a":1}`,
		"deeply nested": strings.Repeat("[", 100) + strings.Repeat("]", 100), "invalid UTF-8": "{\"\xff\":1}", "NUL": `{"\u0000":1}`, "fraction": `{"a":1.0}`,
	} {
		add(rule, 400, body, jsonType)
	}
	for _, v := range invalidValues(valid.op.body, valid.op.exampleBody()) {
		a := valid.clone()
		a.setBody(v.value)
		all = append(all, invalidRequest{v.rule, a, v.status})
	}
	return all
}

// invalidValue is a value that violates one rule of a schema.
type invalidValue struct {
	rule   string
	value  any
	status int // of the expected response
}

// invalidValues violates each rule of a schema, one at a time, in a valid value.
func invalidValues(schema *openapi3.Schema, valid any) (all []invalidValue) {
	if len(schema.AllOf) == 1 {
		schema = schema.AllOf[0].Value
	}
	for _, other := range []invalidValue{
		{"boolean", true, 400}, {"integer", 17, 400}, {"string", "text", 400}, {"array", []any{}, 400},
		{"object", map[string]any{}, 400}, {"null", nil, 400},
	} {
		if !schema.Type.Is(other.rule) && (!schema.Nullable || other.value != nil) {
			all = append(all, other)
		}
	}
	for _, v := range []any{"", "é", "unlike all patterns", strings.Repeat("a", 300), strings.Repeat("7", 300), strings.Repeat("a", 5000), int64(-1), int64(0), 1e300} {
		_, text := v.(string)
		if schema.Type.Is("string") == text && schema.Type.Is("integer") == !text && schema.VisitJSON(v) != nil {
			if v == 1e300 { // written as an integer, because a fraction gets 400
				v = json.Number("1" + strings.Repeat("0", 300))
			}
			all = append(all, invalidValue{fmt.Sprintf("%.20v", v), v, 422})
		}
	}
	object, ok := valid.(map[string]any)
	if !ok {
		return all
	}
	with := func(name string, v any) map[string]any {
		changed := maps.Clone(object)
		changed[name] = v
		return changed
	}
	if has := schema.AdditionalProperties.Has; has != nil && !*has {
		all = append(all, invalidValue{"unknown member", with("unknown", 1), 400})
	}
	for _, name := range schema.Required {
		changed := maps.Clone(object)
		delete(changed, name)
		all = append(all, invalidValue{"no " + name, changed, 422})
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		for _, v := range invalidValues(schema.Properties[name].Value, object[name]) {
			all = append(all, invalidValue{name + ": " + v.rule, with(name, v.value), v.status})
		}
	}
	return all
}
