package httpapi

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"pgregory.net/rapid"
)

// TestContract_RandomSessions sends random sequences of valid and invalid requests,
// about resources that exist and that do not. -rapid.checks=100000 sends more. A
// failure prints the flag that repeats it (-rapid.seed or -rapid.failfile).
func TestContract_RandomSessions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, session(t))
}

// FuzzSessions is TestContract_RandomSessions with coverage-guided choices.
func FuzzSessions(f *testing.F) {
	for seed := range byte(16) {
		choices := make([]byte, 4<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(choices)
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) { rapid.MakeFuzz(session(t))(t, choices) })
}

// session returns a property: each response is allowed by the document, and
// requests that it does not allow fail.
func session(t *testing.T) func(*rapid.T) {
	return func(rt *rapid.T) {
		s := newExampleService(t)
		all := map[string]operation{}
		for _, op := range operations(s.checker.doc) {
			all[op.OperationID] = op
		}
		g := generator{rt, []string{"0"}}
		for range rapid.IntRange(1, 10).Draw(rt, "requests") {
			op := all[rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(rt, "operation")]
			a, decided := g.request(op)
			allowed := s.allows(rt, a)
			w := s.send(rt, a)
			viewer, service := a.user == "alice" || a.user == "bob", a.user == "player"
			switch {
			case op.secured() && !viewer && !service:
				if w.Code != 401 {
					rt.Errorf("%v: got %d %s without a valid token", a, w.Code, w.Body)
				}
			case op.secured() && service != (op.token() == "player"):
				if w.Code != 403 {
					rt.Errorf("%v: got %d %s with the token of another kind of caller", a, w.Code, w.Body)
				}
			case allowed && decided && slices.Contains([]int{400, 401, 405, 413, 415}, w.Code):
				rt.Errorf("%v: got %d %s, but the document allows the request", a, w.Code, w.Body)
			case !allowed && w.Code < 400:
				rt.Errorf("%v: got %d %s, but the document does not allow the request", a, w.Code, w.Body)
			}
			if w.Code < 400 {
				g.seen = append(g.seen, idsIn(w.Body.Bytes())...)
			}
		}
	}
}

// allows reports whether the document allows a request, according to the request
// validator of openapi3filter.
func (s *service) allows(rt *rapid.T, a requestParts) bool {
	r := a.request(rt)
	route, vars, err := s.checker.router.FindRoute(r)
	if err != nil {
		return false
	}
	return openapi3filter.ValidateRequest(rt.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: vars, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}) == nil
}

// generator generates random requests.
type generator struct {
	*rapid.T

	seen []string // ids, codes and cursors in earlier responses
}

// oneIn is true with the probability 1/n.
func (g *generator) oneIn(n int, label string) bool {
	return rapid.IntRange(1, n).Draw(g.T, label) == 1
}

// request generates a request. decided is true if the document alone decides
// whether the request is valid; a schema does not cover malformed JSON.
func (g *generator) request(op operation) (a requestParts, decided bool) {
	a, decided = op.exampleRequest(), true
	a.user = rapid.SampledFrom([]string{op.token(), op.token(), op.token(), "alice", "bob", "player", "unknown", ""}).Draw(g.T, "user")
	for _, p := range op.params {
		g.param(&a, p.Value)
	}
	if op.RequestBody == nil && op.method != "POST" {
		return a, decided
	}
	decided = op.RequestBody != nil // the API refuses an undocumented body, but the validator does not
	switch rapid.IntRange(0, 5).Draw(g.T, "body") {
	case 0:
		a.body = nil
		a.header.Del("Content-Type")
	case 1:
		values := invalidValues(op.body, op.exampleBody())
		a.setBody(values[rapid.IntRange(0, len(values)-1).Draw(g.T, "invalid value")].value)
	case 2:
		decided = false
		a.setBody(g.value(op.body, op.exampleBody()))
		at := rapid.IntRange(0, len(a.body)).Draw(g.T, "position")
		cut := rapid.IntRange(0, len(a.body)-at).Draw(g.T, "removed")
		a.body = slices.Concat(a.body[:at], rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(g.T, "bytes"), a.body[at+cut:])
	case 3, 4:
		a.setBody(g.value(op.body, op.exampleBody()))
	}
	return a, decided
}

func (g *generator) param(a *requestParts, p *openapi3.Parameter) {
	switch rapid.IntRange(0, 4).Draw(g.T, p.Name) {
	case 0: // keep the example, if any
	case 1:
		a.set(p, rapid.SampledFrom(g.seen).Draw(g.T, "seen"))
	case 2:
		text := fmt.Sprint(g.value(p.Schema.Value, nil))
		if p.In == openapi3.ParameterInPath {
			text = strings.ReplaceAll(text, "/", "|") // a slash gives another path
		}
		a.set(p, text)
	case 3:
		if text := rapid.SampledFrom(append(invalidTexts(p.Schema.Value), "a")).Draw(g.T, "invalid"); text != "" || p.In != openapi3.ParameterInPath {
			a.set(p, text)
		}
	default:
		a.query.Del(p.Name)
		a.header.Del(p.Name)
	}
}

// value generates a value that the schema allows, often the example.
func (g *generator) value(schema *openapi3.Schema, example any) any {
	if len(schema.AllOf) == 1 {
		schema = schema.AllOf[0].Value
	}
	if !schema.Type.Is("object") {
		if seen := rapid.SampledFrom(g.seen).Draw(g.T, "seen"); schema.VisitJSON(seen) == nil && g.oneIn(4, "use a seen value") {
			return seen
		}
		if example != nil && !g.oneIn(4, "replace the example") {
			return example
		}
	}
	switch {
	case schema.Type.Is("object"):
		return g.object(schema, example)
	case schema.Type.Is("array"):
		list := make([]any, rapid.IntRange(int(schema.MinItems), int(*schema.MaxItems)).Draw(g.T, "length"))
		for i := range list {
			list[i] = g.value(schema.Items.Value, nil)
		}
		return list
	case len(schema.Enum) > 0:
		return rapid.SampledFrom(schema.Enum).Draw(g.T, "enum")
	case schema.Type.Is("integer"):
		low, high := int64(math.MinInt32), int64(math.MaxInt32)
		if schema.Min != nil {
			low = int64(*schema.Min)
		}
		if schema.Max != nil {
			high = int64(*schema.Max)
		}
		return rapid.Int64Range(low, high).Draw(g.T, "integer")
	case schema.Pattern != "":
		return rapid.StringMatching(schema.Pattern).Filter(func(s string) bool { return schema.VisitJSON(s) == nil }).Draw(g.T, "text")
	case schema.Type.Is("string"):
		text := rapid.StringN(int(schema.MinLength), 30, -1).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
		return text.Draw(g.T, "text")
	default:
		g.Fatalf("the generator does not support the type %v; add it", schema.Type)
		return nil
	}
}

func (g *generator) object(schema *openapi3.Schema, example any) map[string]any {
	examples, _ := example.(map[string]any)
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		_, inExample := examples[name]
		if required := slices.Contains(schema.Required, name); required || inExample == !g.oneIn(8, "deviate from the example at "+name) {
			object[name] = g.value(schema.Properties[name].Value, examples[name])
		}
	}
	return object
}
