package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// The tests of contract_*_test.go name no operation. They read the OpenAPI
// document, send valid and invalid requests for each operation, and validate the
// responses. A new operation is tested too, or the tests fail.

// operation is an operation of the document with its path and its schemas.
type operation struct {
	*openapi3.Operation

	method, path string
	params       openapi3.Parameters
	body         *openapi3.Schema
	bodyRequired bool
	example      any // of the body; nil if the document has none
}

func operations(doc *openapi3.T) []operation {
	var all []operation
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			op := operation{Operation: item.GetOperation(method), method: method, path: path}
			op.params = slices.Concat(item.Parameters, op.Parameters)
			op.body, op.bodyRequired = bodySchema(op.Operation)
			if op.RequestBody != nil {
				media := op.RequestBody.Value.Content.Get("application/json")
				if op.example = media.Example; op.example == nil {
					op.example = media.Schema.Value.Example
				}
			}
			all = append(all, op)
		}
	}
	return all
}

// token returns the test's token of a caller for whom the operation is.
func (o operation) token() string {
	if o.Extensions[scopeExtension] != nil {
		return "player"
	}
	return "alice"
}

// secured reports whether the operation needs a token.
func (o operation) secured() bool { return o.Security == nil || len(*o.Security) > 0 }

// requestParts is a request in the terms of the document.
type requestParts struct {
	op     operation
	method string
	user   string
	path   map[string]string
	query  url.Values
	header http.Header
	body   []byte
}

// exampleRequest returns the request that consists of the document's examples.
func (o operation) exampleRequest() requestParts {
	a := requestParts{op: o, method: o.method, user: o.token(), path: map[string]string{}, query: url.Values{}, header: http.Header{}}
	for _, p := range o.params {
		if example := p.Value.Example; p.Value.In == openapi3.ParameterInHeader {
			a.set(p.Value, fmt.Sprint(example, "-", o.OperationID)) // a different key for each operation
		} else if example != nil {
			a.set(p.Value, fmt.Sprint(example))
		}
	}
	if o.example != nil {
		a.setBody(o.example)
	}
	return a
}

// exampleBody returns the example of the body, or an empty object.
func (o operation) exampleBody() any {
	if o.example == nil {
		return map[string]any{}
	}
	return o.example
}

func (a *requestParts) set(p *openapi3.Parameter, value string) {
	switch p.In {
	case openapi3.ParameterInPath:
		a.path[p.Name] = value
	case openapi3.ParameterInQuery:
		a.query.Set(p.Name, value)
	default:
		a.header.Set(p.Name, value)
	}
}

func (a *requestParts) setBody(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	a.body = text
	a.header.Set("Content-Type", "application/json")
}

// clone returns a copy that can be changed independently.
func (a requestParts) clone() requestParts {
	a.path, a.header, a.query = maps.Clone(a.path), a.header.Clone(), maps.Clone(a.query)
	return a
}

func (a requestParts) String() string {
	return fmt.Sprintf("%s %s %v ?%s as %q with %v %.300q", a.method, a.op.path, a.path, a.query.Encode(), a.user, a.header, a.body)
}

func (a requestParts) request(t reporter) *http.Request {
	path := a.op.path
	for name, value := range a.path {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	r := httptest.NewRequestWithContext(t.Context(), a.method, path+"?"+a.query.Encode(), bytes.NewReader(a.body))
	r.Header = a.header.Clone()
	if a.user != "" {
		r.Header.Set("Authorization", "Bearer "+a.user)
	}
	return r
}

// send sends a request and validates the response against the document.
func (s *service) send(t reporter, a requestParts) *httptest.ResponseRecorder {
	t.Helper()
	r, w := a.request(t), httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	s.checker.check(t, a.request(t), w)
	if a.method != a.op.method {
		return w
	}
	response := a.op.Responses.Status(w.Code)
	if response == nil {
		t.Fatalf("%v: got %d %s, a status that the document lacks", a, w.Code, w.Body)
	}
	cache := w.Header().Get("Cache-Control")
	switch cached := response.Value.Headers["Cache-Control"] != nil; {
	case cached && !a.op.secured():
		if !strings.HasPrefix(cache, "public, ") {
			t.Errorf("%v: got %d with Cache-Control: %s, but the response is the same for all", a, w.Code, cache)
		}
	case cached:
		if !strings.HasPrefix(cache, "private, ") || w.Header().Get("Vary") != "Authorization" {
			t.Errorf("%v: got %d with Cache-Control: %s, but the response belongs to a viewer", a, w.Code, cache)
		}
	case (a.op.secured() || w.Code >= 400) && cache != "no-store":
		t.Errorf("%v: got %d without Cache-Control: no-store", a, w.Code)
	}
	for name := range response.Value.Headers {
		if w.Header().Get(name) == "" && name != "Idempotent-Replayed" {
			t.Errorf("%v: got %d without the header %s", a, w.Code, name)
		}
	}
	if media := response.Value.Content.Get(w.Header().Get("Content-Type")); media != nil {
		var body any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%v: got %q: %v", a, w.Body, err)
		}
		for _, name := range undocumented(media.Schema.Value, body) {
			t.Errorf("%v: the response has the member %s, which the document lacks", a, name)
		}
	}
	return w
}

// undocumented returns the members of v that the schema lacks.
func undocumented(schema *openapi3.Schema, v any) (names []string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			names = append(names, undocumented(schema.Items.Value, item)...)
		}
	case map[string]any:
		properties := maps.Clone(schema.Properties)
		for _, part := range schema.AllOf {
			if properties == nil {
				properties = openapi3.Schemas{}
			}
			maps.Copy(properties, part.Value.Properties)
		}
		for name, value := range v {
			if properties[name] == nil {
				names = append(names, name)
				continue
			}
			names = append(names, undocumented(properties[name].Value, value)...)
		}
	}
	return names
}

// newExampleService returns a service for the examples of the document: its payment
// system has the code that they use, and cards have no limits.
func newExampleService(t *testing.T) *service {
	t.Helper()
	return newService(t, func(c *Config) {
		c.Subscriber.Collector.Providers["simulator"] = c.Subscriber.Collector.Providers["bank"]
		c.Subscriber.Limits, c.Cards.Limits, c.Methods.Limits = billing.CardLimits{}, billing.CardLimits{}, billing.CardLimits{}
		err := c.Subscriber.Store.InTx(t.Context(), func(tx ports.Repos) error {
			return tx.PaymentSystems.Add(t.Context(), billing.PaymentSystem{Code: "simulator", Name: "Simulator", CreatedAt: c.Subscriber.Clock.Now()})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// validRequest returns a service and a request of op that succeeds there. The path
// is an example, or the id of a resource that the other examples created. It
// returns no service if no request succeeds.
func validRequest(t *testing.T, op operation) (*service, requestParts) {
	t.Helper()
	s, a := newExampleService(t), op.exampleRequest()
	if len(a.path) == 0 {
		if w := s.send(t, a); w.Code < 300 {
			return newExampleService(t), a
		}
		return nil, a
	}
	var ids []string
	for _, other := range operations(s.checker.doc) {
		if create := other.exampleRequest(); other.method == http.MethodPost && len(create.path) == 0 {
			ids = append(ids, idsIn(s.send(t, create).Body.Bytes())...)
		}
	}
	for name, example := range a.path {
		for _, value := range append([]string{example}, ids...) {
			next := a.clone()
			next.path[name] = value
			s.prepare(op)
			if w := s.send(t, next); w.Code < 300 {
				return s, next
			}
		}
	}
	return nil, a
}

// prepare brings the service into a state in which the operation succeeds.
func (s *service) prepare(op operation) {
	s.t.Helper()
	switch op.OperationID {
	case "paySubscription":
		s.hold()
	case "getUserEntitlements":
		err := s.store.InTx(s.t.Context(), func(tx ports.Repos) error { return tx.Users.Seen(s.t.Context(), s.clock.Now(), alice) })
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// idsIn returns the ids, codes and cursors in a response.
func idsIn(body []byte) (ids []string) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(name, v[name])
			}
		case []any:
			for _, item := range v {
				walk(name, item)
			}
		case string:
			if name == "id" || name == "code" || name == "next_cursor" || strings.HasSuffix(name, "_id") && name != "request_id" {
				ids = append(ids, v)
			}
		}
	}
	walk("", v)
	return ids
}
