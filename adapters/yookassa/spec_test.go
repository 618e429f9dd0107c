package yookassa_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// specVariable names the file with YooKassa's own description of its API, which is not
// part of this repository: yookassa-openapi-specification.yaml, published at
// https://yookassa.ru/developers/api. With it, every test checks all requests of the
// adapter and all responses of the fake against the description.
const specVariable = "BILLING_TEST_YOOKASSA_SPEC"

// spec is YooKassa's description of its API.
type spec struct {
	*openapi3.T
	router routers.Router
}

// loadSpec returns the description, or nil without a file.
var loadSpec = sync.OnceValues(func() (*spec, error) {
	file := os.Getenv(specVariable)
	if file == "" {
		return nil, nil
	}
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // the fake is at /v3 of any host
	create := doc.Paths.Value("/payments").Post.RequestBody.Value.Content["application/json"].Schema.Value
	payment := doc.Components.Schemas["Payment"].Value
	for _, choice := range []*openapi3.SchemaRef{
		create.Properties["confirmation"], payment.Properties["confirmation"], payment.Properties["payment_method"],
	} {
		mapChoice(choice.Value)
	}
	router, err := gorillamux.NewRouter(doc)
	return &spec{doc, router}, err
})

// mapChoice adds the mapping of a discriminator, which the description lacks. Without it
// a value fits several schemas. The names of the schemas end in the types.
func mapChoice(s *openapi3.Schema) {
	prefix := regexp.MustCompile(`^.*/(Confirmation|PaymentMethod)(Data)?`)
	upper := regexp.MustCompile(`([a-z0-9])([A-Z])`)
	s.Discriminator.Mapping = map[string]openapi3.MappingRef{}
	for _, ref := range s.OneOf {
		name := strings.ToLower(upper.ReplaceAllString(prefix.ReplaceAllString(ref.Ref, ""), "${1}_$2"))
		s.Discriminator.Mapping[name] = openapi3.MappingRef(*ref)
	}
}

// needSpec returns the description. It skips the test without a file.
func needSpec(t *testing.T) *spec {
	t.Helper()
	s, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		t.Skipf("set %s to the file of YooKassa's OpenAPI description to run this test", specVariable)
	}
	return s
}

// checked returns a handler that reports each exchange with next that the description
// does not allow. Without the description it is next.
func checked(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	s, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v3/") {
			next.ServeHTTP(w, r) // a page, which is not part of the API
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the connection is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		copied := &recorder{ResponseWriter: w}
		next.ServeHTTP(copied, r)
		if err := s.check(r, body, copied); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	})
}

// recorder keeps a copy of a response.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// check compares an exchange with the description. The description does not have the
// statuses of faults.
func (s *spec) check(r *http.Request, body []byte, w *recorder) error {
	request, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, "http://fake"+strings.TrimPrefix(r.URL.String(), "/v3"), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = r.Header
	route, params, err := s.router.FindRoute(request)
	if err != nil {
		return err
	}
	in := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateRequest(request.Context(), in); err != nil {
		return err
	}
	if !slices.Contains([]int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, w.status) {
		return nil
	}
	return openapi3filter.ValidateResponse(request.Context(), (&openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: w.status, Header: w.Header(), Options: in.Options,
	}).SetBodyBytes(w.body.Bytes()))
}
