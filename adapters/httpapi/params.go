package httpapi

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/core/billing"
)

// setParams sets the documented parameters: those of the path item and those of
// the operation.
func (g *guard) setParams(lists ...openapi3.Parameters) {
	g.params = slices.Concat(lists...)
	g.queryOnly = !slices.ContainsFunc(g.params, func(p *openapi3.ParameterRef) bool {
		return p.Value.In != openapi3.ParameterInQuery || p.Value.Required
	})
}

// checkParams validates path, query and header. An unknown query parameter gives 400.
// An invalid path parameter gives 404, because no resource can have it. Any other
// invalid parameter gives 422.
func (g *guard) checkParams(r *http.Request) error {
	if g.queryOnly && r.URL.RawQuery == "" {
		return nil
	}
	query, err := g.readQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: mux.Vars(r), QueryParams: query, Route: g.documented,
		Options: &openapi3filter.Options{SkipSettingDefaults: true},
	}
	var faults []billing.Fault
	for _, ref := range g.params {
		if err := checkParam(r, input, ref.Value, &faults); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return &billing.InvalidError{Faults: faults}
	}
	return nil
}

// readQuery parses a query string, and refuses parameters that the operation lacks. A
// client would take its answer for one to a filter that the service does not know.
func (g *guard) readQuery(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	known := func(name string) bool { return g.params.GetByInAndName(openapi3.ParameterInQuery, name) != nil }
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !known(name) {
			return nil, malformed("the query has an unknown parameter" + quotedName(name))
		}
	}
	if err != nil && known("limit") {
		return nil, invalidField("query", "is not a valid query string")
	}
	if err != nil {
		return nil, malformed("the query string is not valid")
	}
	return query, nil
}

// checkParam validates one parameter and appends its fault.
func checkParam(r *http.Request, input *openapi3filter.RequestValidationInput, p *openapi3.Parameter, faults *[]billing.Fault) error {
	err := openapi3filter.ValidateParameter(r.Context(), input, p)
	if err == nil {
		return nil
	}
	if p.In == openapi3.ParameterInPath {
		return billing.ErrNotFound
	}
	*faults = append(*faults, billing.Fault{Field: p.Name, Message: paramMessage(p, err)})
	return nil
}

func paramMessage(p *openapi3.Parameter, err error) string {
	var e *openapi3.SchemaError
	if errors.As(err, &e) && e.Reason != "" {
		return message(e)
	}
	return fmt.Sprintf("is not a valid %s parameter", p.In)
}
