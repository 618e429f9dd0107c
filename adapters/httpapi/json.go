package httpapi

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const maxDepth = 16

// parseJSON parses exactly one JSON value. It is stricter than encoding/json: it
// refuses duplicate members, invalid UTF-8, trailing data, deep nesting, and NUL,
// which Postgres cannot store. Its errors never quote the text, which may hold a
// secret.
func parseJSON(text []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := readValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, malformed("the body has data after the JSON value")
	}
	return v, nil
}

func readValue(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, syntaxError(err)
	}
	switch token.Kind() {
	case '{':
		return readObject(d)
	case '[':
		return readArray(d)
	case '"':
		return checkString(token.String())
	case '0':
		return readNumber(token.String())
	case 't', 'f':
		return token.Bool(), nil
	default:
		return nil, nil //nolint:nilnil // JSON's null
	}
}

func readObject(d *jsontext.Decoder) (any, error) {
	object := make(map[string]any)
	for d.PeekKind() != '}' {
		if err := checkDepth(d); err != nil {
			return nil, err
		}
		token, err := d.ReadToken()
		if err != nil {
			return nil, syntaxError(err)
		}
		name, err := checkString(token.String())
		if err != nil {
			return nil, err
		}
		if object[name.(string)], err = readValue(d); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return object, err
}

func readArray(d *jsontext.Decoder) (any, error) {
	array := []any{}
	for d.PeekKind() != ']' {
		if err := checkDepth(d); err != nil {
			return nil, err
		}
		v, err := readValue(d)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.ReadToken()
	return array, err
}

func checkDepth(d *jsontext.Decoder) error {
	if d.StackDepth() > maxDepth {
		return malformed("the JSON is nested deeper than 16 levels")
	}
	return nil
}

// syntaxError describes err without quoting the text.
func syntaxError(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return malformed("the JSON has the same member twice")
	}
	return malformed("the body is not valid JSON")
}

func checkString(s string) (any, error) {
	if strings.ContainsRune(s, 0) {
		return nil, malformed("the JSON has a NUL character in a string")
	}
	return s, nil
}

// readNumber accepts only integers, because the API has no other numbers and money
// must not pass through floating point. An integer beyond int64 becomes a large
// float, which the schema then refuses as out of range.
func readNumber(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		return nil, malformed("the JSON has a number that is not a plain integer")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return n, nil
	}
	if strings.HasPrefix(text, "-") {
		return -1e300, nil
	}
	return 1e300, nil
}
