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

// broken is a request that is wrong in one way.
type broken struct {
	what   string
	asked  asked
	status int
}

// TestEveryRuleIsKept breaks every rule that the document has for an operation,
// one at a time, in a request that would succeed otherwise.
func TestEveryRuleIsKept(t *testing.T) {
	t.Parallel()
	for _, op := range operations(newResponseChecker(t).doc) {
		t.Run(op.OperationID, func(t *testing.T) {
			t.Parallel()
			s, right := works(t, op)
			if s == nil {
				t.Fatal("it never succeeds")
			}
			all := breakages(s.checker.doc, right)
			for _, b := range all {
				if w := s.send(t, b.asked); w.Code != b.status {
					t.Errorf("%s: %v is answered %d %s, want %d", b.what, b.asked, w.Code, w.Body, b.status)
				}
			}
			if w := s.send(t, right); w.Code >= 300 {
				t.Errorf("what was right in all of them is answered %d %s", w.Code, w.Body)
			}
			t.Logf("%d broken requests", len(all))
		})
	}
}

func breakages(doc *openapi3.T, right asked) []broken {
	all := brokenMethods(doc, right)
	add := func(what string, status int, change func(*asked)) {
		a := right.clone()
		change(&a)
		all = append(all, broken{what, a, status})
	}
	if right.op.secured() {
		add("no token", 401, func(a *asked) { a.user = "" })
		add("a token of nobody", 401, func(a *asked) { a.user = "nobody" })
	}
	for _, p := range right.op.params {
		for _, value := range wrongTexts(p.Value.Schema.Value) {
			status := http.StatusUnprocessableEntity
			if p.Value.In == openapi3.ParameterInPath {
				status = http.StatusNotFound
			}
			if value != "" || p.Value.In != openapi3.ParameterInPath { // which would be another path
				add(fmt.Sprintf("%s is %.40q", p.Value.Name, value), status, func(a *asked) { a.set(p.Value, value) })
			}
		}
	}
	if right.method == http.MethodPost {
		all = append(all, brokenBodies(right)...)
	}
	return all
}

// brokenMethods are those that the path does not have.
func brokenMethods(doc *openapi3.T, right asked) (all []broken) {
	item := doc.Paths.Value(right.op.path)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
		if _, known := item.Operations()[method]; !known {
			a := right.clone()
			a.method = method
			all = append(all, broken{"method " + method, a, http.StatusMethodNotAllowed})
		}
	}
	return all
}

// wrongTexts are values of a parameter that its schema does not allow.
func wrongTexts(schema *openapi3.Schema) (all []string) {
	texts := []string{"", "a b", "é", "-1", "0", "1.5", "1e3", "9223372036854775808", strings.Repeat("a", 300), strings.Repeat("7", 300)}
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

func brokenBodies(right asked) (all []broken) {
	add := func(what string, status int, body, media string) {
		a := right.clone()
		a.body = []byte(body)
		a.header.Set("Content-Type", media)
		all = append(all, broken{what, a, status})
	}
	const jsonType = "application/json"
	object := "{}"
	if len(right.body) > 0 {
		object = string(right.body)
	}
	if right.op.bodyNeeded {
		add("no body", 415, "", "")
	}
	add("text", 415, object, "text/plain")
	add("no media type", 415, object, "")
	add("too large", 413, object+strings.Repeat(" ", maxBody), jsonType)
	for what, body := range map[string]string{
		"no JSON": "a=b", "cut off": object[:len(object)-1], "two values": object + object, "member twice": `{"a":1,"a":1}`,
		"deep": strings.Repeat("[", 100) + strings.Repeat("]", 100), "invalid UTF-8": "{\"\xff\":1}", "NUL": `{"\u0000":1}`, "fraction": `{"a":1.0}`,
	} {
		add(what, 400, body, jsonType)
	}
	for _, f := range faultsOf(right.op.body, right.op.exampleBody()) {
		a := right.clone()
		a.setBody(f.value)
		all = append(all, broken{f.what, a, f.status})
	}
	return all
}

// fault is a value that a schema does not allow, and how it is refused.
type fault struct {
	what   string
	value  any
	status int
}

// faultsOf breaks every rule of a schema, one at a time, in a value that is right.
func faultsOf(schema *openapi3.Schema, right any) (all []fault) {
	if len(schema.AllOf) == 1 {
		schema = schema.AllOf[0].Value
	}
	for _, other := range []fault{
		{"boolean", true, 400}, {"integer", 17, 400}, {"string", "text", 400}, {"array", []any{}, 400},
		{"object", map[string]any{}, 400}, {"null", nil, 400},
	} {
		if !schema.Type.Is(other.what) {
			all = append(all, other)
		}
	}
	for _, v := range []any{"", "é", "nothing of the kind", strings.Repeat("a", 300), strings.Repeat("7", 300), int64(-1), int64(0), 1e300} {
		_, text := v.(string)
		if schema.Type.Is("string") == text && schema.Type.Is("integer") == !text && schema.VisitJSON(v) != nil {
			if v == 1e300 { // as an integer, which is how it is told apart from a fraction
				v = json.Number("1" + strings.Repeat("0", 300))
			}
			all = append(all, fault{fmt.Sprintf("%.20v", v), v, 422})
		}
	}
	object, ok := right.(map[string]any)
	if !ok {
		return all
	}
	with := func(name string, v any) map[string]any {
		changed := maps.Clone(object)
		changed[name] = v
		return changed
	}
	if has := schema.AdditionalProperties.Has; has != nil && !*has {
		all = append(all, fault{"unknown member", with("unknown", 1), 400})
	}
	for _, name := range schema.Required {
		changed := maps.Clone(object)
		delete(changed, name)
		all = append(all, fault{"no " + name, changed, 422})
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		for _, f := range faultsOf(schema.Properties[name].Value, object[name]) {
			all = append(all, fault{name + ": " + f.what, with(name, f.value), f.status})
		}
	}
	return all
}
