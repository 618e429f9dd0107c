package httpapi

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func mustLoad(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := loadDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func mustPage(t *testing.T, doc *openapi3.T) string {
	t.Helper()
	page, err := docsPage(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestDocumentListsEveryOperation(t *testing.T) {
	t.Parallel()
	doc := mustLoad(t)
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
		"GET /v1/entitlements":                "getEntitlements",
	} {
		method, path, _ := strings.Cut(operation, " ")
		item := doc.Paths.Value(path)
		if item == nil || item.GetOperation(method) == nil || item.GetOperation(method).OperationID != id {
			t.Errorf("%s is not there as %s", operation, id)
		}
	}
}

// Only the catalogue is for everybody; forgetting the token anywhere else would
// be a hole.
func TestDocumentKeepsViewersThingsPrivate(t *testing.T) {
	t.Parallel()
	public := map[string]bool{"listPlans": true, "listPaymentSystems": true}
	doc := mustLoad(t)
	if len(doc.Security) == 0 {
		t.Error("the document asks for no token")
	}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if open := o.Security != nil && len(*o.Security) == 0; open != public[o.OperationID] {
				t.Errorf("%s %s: public is %t", method, path, open)
			}
		}
	}
}

func TestDocumentAsJSONSaysTheSame(t *testing.T) {
	t.Parallel()
	doc := mustLoad(t)
	first, err := documentJSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openapi3.NewLoader().LoadFromData(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	second, err := documentJSON(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("reading the JSON and writing it again changes it")
	}
}

func TestPageShowsEveryOperationAndSchema(t *testing.T) {
	t.Parallel()
	doc := mustLoad(t)
	page := mustPage(t, doc)
	expect := func(text string) {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
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
		t.Errorf("the page begins with %.40q", page)
	}
}

func TestPageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	page := mustPage(t, mustLoad(t))
	for _, unwanted := range []string{"<script", "<link", "<img", "<iframe", "src=", "style=", "@import", "url(", "ZgotmplZ"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page holds %s", unwanted)
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
			t.Errorf("a link leads to %s", href[1])
		}
	}
}

func TestPageIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	first := mustPage(t, mustLoad(t))
	for range 10 {
		if mustPage(t, mustLoad(t)) != first {
			t.Fatal("the page differs from one time to the next")
		}
	}
}

func TestPolicyAllowsTheStyleOfThePage(t *testing.T) {
	t.Parallel()
	page := mustPage(t, mustLoad(t))
	policy := docsPolicy([]byte(page))
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy: %s", policy)
	}
	if policy == docsPolicy([]byte(strings.Replace(page, "<style>", "<style> ", 1))) {
		t.Error("another style sheet is allowed by the same policy")
	}
}

func TestExamplesReadInTheOrderOfTheSchema(t *testing.T) {
	t.Parallel()
	s := mustLoad(t).Components.Schemas["SubscribeRequest"].Value
	e := example{s, exampleOf(s)}
	line := `{"plan_code": "premium", "price": {"amount": 39900, "currency": "RUB"}, ` +
		`"payment_system": "simulator", "payment_token": "tok_ok"}`
	if got := e.line(); got != line {
		t.Errorf("got  %s\nwant %s", got, line)
	}
	indented := `{
  "plan_code": "premium",
  "price": {"amount": 39900, "currency": "RUB"},
  "payment_system": "simulator",
  "payment_token": "tok_ok"
}`
	if got := e.indented(); got != indented {
		t.Errorf("got  %s\nwant %s", got, indented)
	}
}

func TestCurlLineCanBePasted(t *testing.T) {
	t.Parallel()
	doc := mustLoad(t)
	const at = "/v1/subscriptions/{ref}/cancel"
	want := `curl -X POST "$API/v1/subscriptions/premium/cancel" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Idempotency-Key: cancelSubscription-$(date +%s)" \
  -H "Content-Type: application/json" \
  -d '{"at": "period_end"}'`
	if got := curl("POST", at, doc.Paths.Value(at).Post); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := curl("GET", "/v1/plans", doc.Paths.Value("/v1/plans").Get); got != `curl "$API/v1/plans"` {
		t.Errorf("got %s", got)
	}
}

func TestEveryExampleIsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range newPage(mustLoad(t)).Schemas {
		if s.Example != "" && !json.Valid([]byte(s.Example)) {
			t.Errorf("%s: %s", s.Name, s.Example)
		}
	}
}
