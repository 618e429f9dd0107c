package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/core/billing"
)

const maxBody = 16 << 10

// checker holds requests against the OpenAPI document before generated code
// reads them.
type checker struct{ doc *openapi3.T }

// check refuses what the document does not allow, and leaves the body to be
// read again.
func (c checker) check(w http.ResponseWriter, r *http.Request) error {
	route, err := c.find(r)
	if err != nil || route == nil {
		return err
	}
	if err := noteRef(r); err != nil {
		return err
	}
	if err := noteKey(r); err != nil {
		return err
	}
	if err := checkParams(r, route); err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return nil
	}
	return checkBody(w, r, route.Operation)
}

// find finds what the document says about the matched route; nothing about the
// pages beside the API.
func (c checker) find(r *http.Request) (*routers.Route, error) {
	path := infoOf(r.Context()).route
	item := c.doc.Paths.Value(path)
	if item == nil {
		return nil, nil //nolint:nilnil // nothing is what there is to say
	}
	op := item.GetOperation(r.Method)
	if op == nil {
		return nil, fmt.Errorf("the document has no %s %s", r.Method, path)
	}
	return &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: r.Method, Operation: op}, nil
}

// refShape is what a plan's code or an id looks like. Nothing else names
// anything, so nothing else needs to reach the database.
var refShape = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// named reports whether a text can be somebody's name. The number of a card, put
// into the wrong place, is none: a database may log what it is asked for.
func named(text string) bool {
	return refShape.MatchString(text) && !billing.LooksLikeCardNumber(text)
}

func noteRef(r *http.Request) error {
	ref, ok := mux.Vars(r)["ref"]
	if ok && !named(ref) {
		return billing.ErrNotFound
	}
	infoOf(r.Context()).ref = ref
	return nil
}

func checkBody(w http.ResponseWriter, r *http.Request, op *openapi3.Operation) error {
	text, err := readBody(w, r)
	if err != nil {
		return err
	}
	schema, required := bodySchema(op)
	if len(text) == 0 && !required {
		return nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return errMediaType
	}
	v, err := parseJSON(text)
	if err != nil {
		return err
	}
	return checkSchema(schema, v)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, errTooLarge
	case err != nil:
		return nil, malformed("the body could not be read")
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return text, nil
}
