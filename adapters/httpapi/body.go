package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/online-cinema/billing/core/billing"
)

// The maximum size of a body in bytes. A service may name 100 viewers.
const (
	maxBody        = 16 << 10
	maxServiceBody = 32 << 10
)

var refPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// validRef reports whether a text can be a code or an id. Other texts never
// reach the database. Card numbers are refused too, because a database may log
// its parameters.
func validRef(text string) bool {
	return refPattern.MatchString(text) && !billing.HoldsCardNumber(text)
}

// checkBody validates the body against the operation's schema. The handler can
// read the body again.
func checkBody(w http.ResponseWriter, r *http.Request, op *openapi3.Operation) error {
	limit, tooLarge := int64(maxBody), errTooLarge
	if op.Extensions[scopeExtension] != nil {
		limit, tooLarge = maxServiceBody, errServiceTooLarge
	}
	text, err := readBody(w, r, limit, tooLarge)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
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

// readBody returns the body, or tooLarge if it is longer than limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, tooLarge error) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, tooLarge
	case err != nil:
		return nil, malformed("the body could not be read; send it again")
	default:
		return text, nil
	}
}
