package auth

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is deeper than any real token nests (Keycloak's roles: 4).
const maxDepth = 16

// object is a JSON object: member names with their raw values.
type object map[string]jsontext.Value

// readObject parses text that consists of exactly one JSON object. jsontext
// enforces RFC 7493: no duplicate names at any depth (compared after unescaping),
// no invalid UTF-8, no lone surrogates. encoding/json accepts all three and matches
// names in any case (RFC 8725 §2.4 and §3.7).
func readObject(raw []byte) (object, error) {
	if nestsTooDeep(raw) {
		return nil, tooDeep
	}
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, notObject
	}
	members := object{}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, notObject
		}
		key := name.String() // before the next read, which reuses the buffer
		value, err := d.ReadValue()
		if err != nil {
			return nil, notObject
		}
		members[key] = value.Clone()
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, notObject
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, notObject
	}
	return members, nil
}

// nestsTooDeep reports whether raw nests deeper than maxDepth. It stops at the first
// syntax error, which readObject reports.
func nestsTooDeep(raw []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		if d.StackDepth() > maxDepth {
			return true
		}
	}
}

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// text returns the value of a string member. ok is false if the member is missing or
// not a string.
func (o object) text(name string) (s string, ok bool) { return unquote(o[name]) }

func unquote(v jsontext.Value) (s string, ok bool) {
	if v.Kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err == nil
}
