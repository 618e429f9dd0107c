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

const maxBody = 16 << 10

// refShape is what a plan's code or an id looks like. Nothing else names
// anything, so nothing else needs to reach the database.
var refShape = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// named reports whether a text can be somebody's name. The number of a card, put
// into the wrong place, is none: a database may log what it is asked for.
func named(text string) bool {
	return refShape.MatchString(text) && !billing.LooksLikeCardNumber(text)
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
