package httpapi

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/online-cinema/billing/core/billing"
)

// nothing is the schema of the body of an operation that describes none.
var nothing = &openapi3.Schema{
	Type:                 &openapi3.Types{"object"},
	AdditionalProperties: openapi3.AdditionalProperties{Has: new(bool)},
}

// bodySchema returns what the document says about an operation's body.
func bodySchema(op *openapi3.Operation) (schema *openapi3.Schema, required bool) {
	if op.RequestBody == nil || op.RequestBody.Value == nil {
		return nothing, false
	}
	media := op.RequestBody.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nothing, false
	}
	return media.Schema.Value, op.RequestBody.Value.Required
}

// checkSchema checks a JSON value. What cannot be read as the schema's type is
// malformed, what breaks one of its rules is invalid.
func checkSchema(schema *openapi3.Schema, v any) error {
	err := schema.VisitJSON(v, openapi3.MultiErrors(), openapi3.VisitAsRequest(), openapi3.EnableFormatValidation())
	if err == nil {
		return nil
	}
	var faults []billing.Fault
	for _, e := range leaves(err) {
		if text := shapeless(e); text != "" {
			return malformed(text)
		}
		faults = append(faults, billing.Fault{Field: field(e), Message: message(e)})
	}
	return &billing.InvalidError{Faults: slices.CompactFunc(faults, sameField)}
}

// sameField tells whether a fault is about a field of which one was told already.
func sameField(a, b billing.Fault) bool { return a.Field == b.Field }

func message(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "required":
		return "is missing"
	case "pattern":
		return "must match " + e.Schema.Pattern
	default:
		return e.Reason
	}
}

// leaves returns the single errors that err is made of.
func leaves(err error) []*openapi3.SchemaError {
	var many openapi3.MultiError
	var one *openapi3.SchemaError
	switch {
	case errors.As(err, &many):
		var all []*openapi3.SchemaError
		for _, e := range many {
			all = append(all, leaves(e)...)
		}
		return all
	case errors.As(err, &one):
		return []*openapi3.SchemaError{one}
	default:
		return []*openapi3.SchemaError{{Reason: "is not valid"}}
	}
}

// shapeless says why e makes the body malformed, or nothing.
func shapeless(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "type", "nullable":
		return field(e) + " has the wrong type"
	case "enum": // which is looked at before the type
		if _, text := e.Value.(string); !text {
			return field(e) + " has the wrong type"
		}
		return ""
	case "properties", "additionalProperties":
		return "the body has an unknown member" + unknownName(e)
	default:
		return ""
	}
}

var (
	unsupported = regexp.MustCompile(`^property "([a-z_]{1,40})" is unsupported$`)
	plainName   = regexp.MustCompile(`^[a-z_.0-9]{1,80}$`)
)

// unknownName names the member when it can only be a slip of the pen. Anything
// else might be a secret in the wrong place.
func unknownName(e *openapi3.SchemaError) string {
	if m := unsupported.FindStringSubmatch(e.Reason); m != nil {
		return ": " + m[1]
	}
	return ""
}

// field names the value that e is about, such as price.amount.
func field(e *openapi3.SchemaError) string {
	name := strings.Join(e.JSONPointer(), ".")
	if !plainName.MatchString(name) {
		return "body"
	}
	return name
}
