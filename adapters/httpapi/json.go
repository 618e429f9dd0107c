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

// parseJSON reads exactly one JSON value, more strictly than encoding/json: no
// member twice, valid UTF-8, nothing behind the value, no deep nesting, no NUL,
// which databases refuse. Its errors never quote the text: it may hold a secret.
func parseJSON(text []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := readValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, malformed("there is something behind the JSON value")
	}
	return v, nil
}

func readValue(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, notJSON(err)
	}
	switch token.Kind() {
	case '{':
		return readObject(d)
	case '[':
		return readArray(d)
	case '"':
		return cleanString(token.String())
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
			return nil, notJSON(err)
		}
		name, err := cleanString(token.String())
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
		return malformed("the JSON is nested too deep")
	}
	return nil
}

// notJSON says what is wrong without quoting the text.
func notJSON(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return malformed("the JSON has a member twice")
	}
	return malformed("the body is not valid JSON")
}

func cleanString(s string) (any, error) {
	if strings.ContainsRune(s, 0) {
		return nil, malformed("the JSON holds a NUL character")
	}
	return s, nil
}

// readNumber takes integers alone: the API has no other numbers, and what looks
// like money must not pass through floating point. One beyond int64 becomes the
// nearest float, for the schema to find out of range.
func readNumber(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		return nil, malformed("the JSON has a number that is not an integer")
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
