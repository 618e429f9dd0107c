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

// TestSessions sends what comes to mind: any operation after any other, in what
// the document allows and what it does not, about things that are there and that
// are not. -rapid.checks=100000 does it for longer, and what fails says how to
// repeat it (-rapid.seed or -rapid.failfile).
func TestSessions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, session(t))
}

// FuzzSessions is the same, led by which code has been reached.
func FuzzSessions(f *testing.F) {
	for seed := range byte(16) {
		choices := make([]byte, 4<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(choices)
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) { rapid.MakeFuzz(session(t))(t, choices) })
}

func session(t *testing.T) func(*rapid.T) {
	return func(rt *rapid.T) {
		s := newExampleService(t)
		all := map[string]operation{}
		for _, op := range operations(s.checker.doc) {
			all[op.OperationID] = op
		}
		d := drawer{rt, []string{"0"}}
		for range rapid.IntRange(1, 10).Draw(rt, "requests") {
			op := all[rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(rt, "operation")]
			a, sure := d.request(op)
			allowed := s.allows(rt, a)
			w := s.send(rt, a)
			switch known := a.user == "alice" || a.user == "bob"; {
			case op.secured() && !known:
				if w.Code != 401 {
					rt.Errorf("%v is answered %d %s without a token", a, w.Code, w.Body)
				}
			case allowed && sure && slices.Contains([]int{400, 401, 405, 413, 415}, w.Code):
				rt.Errorf("%v is answered %d %s, and the document allows it", a, w.Code, w.Body)
			case !allowed && w.Code < 400:
				rt.Errorf("%v is answered %d %s, and the document does not allow it", a, w.Code, w.Body)
			}
			if w.Code < 400 {
				d.seen = append(d.seen, idsIn(w.Body.Bytes())...)
			}
		}
	}
}

// allows tells what another reader of the document says of a request.
func (s *service) allows(rt *rapid.T, a asked) bool {
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

// drawer draws requests. It has seen the ids of what is there.
type drawer struct {
	*rapid.T

	seen []string
}

func (d *drawer) once(in int, what string) bool { return rapid.IntRange(1, in).Draw(d.T, what) == 1 }

// request draws a request. It is sure when the document alone decides whether it
// is allowed: there is more to JSON than a schema says.
func (d *drawer) request(op operation) (a asked, sure bool) {
	a, sure = op.asIs(), true
	a.user = rapid.SampledFrom([]string{"alice", "alice", "alice", "alice", "bob", "nobody", ""}).Draw(d.T, "user")
	for _, p := range op.params {
		d.param(&a, p.Value)
	}
	if op.method != "POST" {
		return a, sure
	}
	sure = op.RequestBody != nil // else a body is refused, of which the document says nothing
	switch rapid.IntRange(0, 5).Draw(d.T, "body") {
	case 0:
		a.body = nil
		a.header.Del("Content-Type")
	case 1:
		faults := faultsOf(op.body, op.exampleBody())
		f := faults[rapid.IntRange(0, len(faults)-1).Draw(d.T, "fault")]
		a.setBody(f.value)
	case 2:
		sure = false
		a.setBody(d.value(op.body, op.exampleBody()))
		at := rapid.IntRange(0, len(a.body)).Draw(d.T, "where")
		cut := rapid.IntRange(0, len(a.body)-at).Draw(d.T, "how much")
		a.body = slices.Concat(a.body[:at], rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(d.T, "bytes"), a.body[at+cut:])
	case 3, 4:
		a.setBody(d.value(op.body, op.exampleBody()))
	}
	return a, sure
}

func (d *drawer) param(a *asked, p *openapi3.Parameter) {
	switch rapid.IntRange(0, 4).Draw(d.T, p.Name) {
	case 0: // the example, if there is one
	case 1:
		a.set(p, rapid.SampledFrom(d.seen).Draw(d.T, "seen"))
	case 2:
		text := fmt.Sprint(d.value(p.Schema.Value, nil))
		if p.In == openapi3.ParameterInPath {
			text = strings.ReplaceAll(text, "/", "|") // or it would be another path
		}
		a.set(p, text)
	case 3:
		if text := rapid.SampledFrom(append(wrongTexts(p.Schema.Value), "a")).Draw(d.T, "wrong"); text != "" || p.In != openapi3.ParameterInPath {
			a.set(p, text)
		}
	default:
		a.query.Del(p.Name)
		a.header.Del(p.Name)
	}
}

// value draws what the schema allows, near the example.
func (d *drawer) value(schema *openapi3.Schema, example any) any {
	if len(schema.AllOf) == 1 {
		schema = schema.AllOf[0].Value
	}
	if !schema.Type.Is("object") {
		if seen := rapid.SampledFrom(d.seen).Draw(d.T, "seen"); schema.VisitJSON(seen) == nil && d.once(4, "take what was seen") {
			return seen
		}
		if example != nil && !d.once(4, "leave the example") {
			return example
		}
	}
	switch {
	case schema.Type.Is("object"):
		return d.object(schema, example)
	case len(schema.Enum) > 0:
		return rapid.SampledFrom(schema.Enum).Draw(d.T, "enum")
	case schema.Type.Is("integer"):
		least, most := int64(math.MinInt32), int64(math.MaxInt32)
		if schema.Min != nil {
			least = int64(*schema.Min)
		}
		if schema.Max != nil {
			most = int64(*schema.Max)
		}
		return rapid.Int64Range(least, most).Draw(d.T, "integer")
	case schema.Pattern != "":
		return rapid.StringMatching(schema.Pattern).Filter(func(s string) bool { return schema.VisitJSON(s) == nil }).Draw(d.T, "text")
	case schema.Type.Is("string"):
		text := rapid.StringN(int(schema.MinLength), 30, -1).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
		return text.Draw(d.T, "text")
	default:
		d.Fatalf("nobody knows how to draw %v", schema.Type)
		return nil
	}
}

func (d *drawer) object(schema *openapi3.Schema, example any) map[string]any {
	examples, _ := example.(map[string]any)
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		_, usual := examples[name]
		if needed := slices.Contains(schema.Required, name); needed || usual == !d.once(8, "the unusual of "+name) {
			object[name] = d.value(schema.Properties[name].Value, examples[name])
		}
	}
	return object
}
