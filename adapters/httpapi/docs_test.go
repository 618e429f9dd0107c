package httpapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func mustParse(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := parseOpenAPI(openapiYAML)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPI_ListsOperations(t *testing.T) {
	t.Parallel()
	doc := mustParse(t)
	for operation, id := range map[string]string{
		"GET /v1/plans":                       "listPlans",
		"GET /v1/payment-systems":             "listPaymentSystems",
		"POST /v1/subscriptions":              "subscribe",
		"GET /v1/subscriptions":               "listSubscriptions",
		"GET /v1/subscriptions/{ref}":         "getSubscription",
		"POST /v1/subscriptions/{ref}/cancel": "cancelSubscription",
		"POST /v1/subscriptions/{ref}/resume": "resumeSubscription",
		"GET /v1/history":                     "listHistory",
		"GET /v1/payments":                    "listPayments",
		"GET /v1/payments/{id}":               "getPayment",
		"GET /v1/cards/{id}":                  "getCard",
		"GET /v1/entitlements":                "getEntitlements",
	} {
		method, path, _ := strings.Cut(operation, " ")
		item := doc.Paths.Value(path)
		if item == nil || item.GetOperation(method) == nil || item.GetOperation(method).OperationID != id {
			t.Errorf("%s: the document has no such operation with the id %s", operation, id)
		}
	}
}

// Only the catalogue and the public keys are public.
func TestOpenAPI_RequiresTokenExceptForCatalogue(t *testing.T) {
	t.Parallel()
	public := map[string]bool{"listPlans": true, "listPaymentSystems": true, "listKeys": true}
	doc := mustParse(t)
	if len(doc.Security) == 0 {
		t.Error("the document requires no token by default")
	}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if open := o.Security != nil && len(*o.Security) == 0; open != public[o.OperationID] {
				t.Errorf("%s %s: public is %t", method, path, open)
			}
		}
	}
}

func TestOpenAPIJSON_RoundTrip(t *testing.T) {
	t.Parallel()
	first, err := openapiJSON(mustParse(t))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parseOpenAPI(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openapiJSON(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("parsing the JSON and rendering it again changes it")
	}
}

func TestDocsPage_ShowsOperationsAndSchemas(t *testing.T) {
	t.Parallel()
	doc := mustParse(t)
	page := string(docsHTML)
	expect := func(text string) {
		if !strings.Contains(page, text) {
			t.Errorf("docs.html lacks %q; run make generate", text)
		}
	}
	for path, item := range doc.Paths.Map() {
		expect(`<code class="path">` + path + `</code>`)
		for method, o := range item.Operations() {
			expect(`<article id="` + o.OperationID + `">`)
			expect(`<a href="#` + o.OperationID + `">` + strings.ReplaceAll(o.Summary, "'", "&#39;") + `</a>`)
			expect(`<span class="method ` + method + `">`)
		}
	}
	for name := range doc.Components.Schemas {
		expect(`<article id="schema-` + name + `">`)
	}
	expect("<title>Cinema Billing API</title>")
	expect("<code>price_changed</code>")
	if !strings.HasPrefix(page, "<!doctype html>") {
		t.Errorf("docs.html begins with %.40q", page)
	}
}

func TestDocsPage_IsSelfContained(t *testing.T) {
	t.Parallel()
	page := string(docsHTML)
	for _, unwanted := range []string{"<script", "<link", "<img", "<iframe", "src=", "style=", "@import", "url(", "ZgotmplZ"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("docs.html has %s", unwanted)
		}
	}
	ids := regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1)
	targets := map[string]bool{"/openapi.json": true}
	for _, id := range ids {
		if targets["#"+id[1]] {
			t.Errorf("the id %s is used twice", id[1])
		}
		targets["#"+id[1]] = true
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !targets[href[1]] {
			t.Errorf("the target of the link %s does not exist", href[1])
		}
	}
}

func TestDocsPolicy_AllowsOnlyStyleOfPage(t *testing.T) {
	t.Parallel()
	policy := docsPolicy(docsHTML)
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy: %s", policy)
	}
	if policy == docsPolicy(bytes.Replace(docsHTML, []byte("<style>"), []byte("<style> "), 1)) {
		t.Error("the policy also allows another style sheet")
	}
}

// OpenAPI 3.0.3 gives nullable no meaning without a type beside it, and null must satisfy
// each part of an allOf and be one of the values of an enum. Otherwise linters and
// generators of clients refuse or ignore it.
func TestOpenAPI_NullableHasType(t *testing.T) {
	t.Parallel()
	eachSchema(t, func(name string, s *openapi3.Schema) {
		if s.Nullable && s.Type == nil {
			t.Errorf("%s is nullable without a type", name)
		}
		for _, part := range s.AllOf {
			if s.Nullable && !part.Value.Nullable {
				t.Errorf("%s is nullable, but its part %s is not, so null is invalid", name, part.Ref)
			}
		}
		if s.Nullable && len(s.Enum) > 0 && !slices.Contains(s.Enum, nil) {
			t.Errorf("%s is nullable, but its values do not include null", name)
		}
	})
}

// Faults name the rule that a value breaks in words, so each pattern needs some, and
// "must not be empty" is the only text for values that are too short.
func TestOpenAPI_RulesHaveWords(t *testing.T) {
	t.Parallel()
	eachSchema(t, func(name string, s *openapi3.Schema) {
		if s.Pattern != "" && !strings.HasPrefix(rule(s), "must ") {
			t.Errorf("%s has the pattern %s without an x-rule that begins with must", name, s.Pattern)
		}
		if s.MinLength > 1 {
			t.Errorf("%s has the minLength %d, want 1: put it into the pattern", name, s.MinLength)
		}
	})
}

// eachSchema calls f for the schemas of the document's components and their parts.
func eachSchema(t *testing.T, f func(name string, s *openapi3.Schema)) {
	t.Helper()
	var visit func(name string, ref *openapi3.SchemaRef)
	visit = func(name string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil {
			return
		}
		f(name, ref.Value)
		for member, property := range ref.Value.Properties {
			visit(name+"."+member, property)
		}
		visit(name+"[]", ref.Value.Items)
		for _, part := range ref.Value.AllOf {
			visit(name, part)
		}
	}
	doc := mustParse(t)
	for name, schema := range doc.Components.Schemas {
		visit(name, schema)
	}
	for name, parameter := range doc.Components.Parameters {
		visit(name, parameter.Value.Schema)
	}
}

func TestDocsPage_ShowsOriginOfRequest(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for name, c := range map[string]struct{ url, host, proto, want string }{
		"plain":              {"http://billing.example:8080/docs", "billing.example:8080", "", "http://billing.example:8080"},
		"TLS":                {"https://billing.example/docs", "billing.example", "", "https://billing.example"},
		"TLS at a proxy":     {"http://billing.example/docs", "billing.example", "https", "https://billing.example"},
		"IPv6":               {"http://[::1]:8080/docs", "[::1]:8080", "", "http://[::1]:8080"},
		"no host":            {"http://billing.example/docs", "", "", exampleOrigin},
		"markup in the host": {"http://billing.example/docs", "<script>", "", exampleOrigin},
		"shell in the host":  {"http://billing.example/docs", "a;reboot", "", exampleOrigin},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		r.Host = c.host
		r.Header.Set("X-Forwarded-Proto", c.proto)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if page := w.Body.String(); !strings.Contains(page, "export API="+c.want+"\n") {
			t.Errorf("%s: the page lacks the origin %s", name, c.want)
		}
	}
}
