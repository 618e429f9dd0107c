package httpapi

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/online-cinema/billing/core/billing"
)

// emptySchema allows only an empty object. It is for operations without a
// documented body.
var emptySchema = &openapi3.Schema{
	Type:                 &openapi3.Types{"object"},
	AdditionalProperties: openapi3.AdditionalProperties{Has: new(bool)},
}

// bodySchema returns the schema of an operation's body, and whether the body is
// required.
func bodySchema(op *openapi3.Operation) (schema *openapi3.Schema, required bool) {
	if op.RequestBody == nil || op.RequestBody.Value == nil {
		return emptySchema, false
	}
	media := op.RequestBody.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return emptySchema, false
	}
	return media.Schema.Value, op.RequestBody.Value.Required
}

// checkSchema validates a JSON value. A value of the wrong type or an unknown
// member gives malformed_request; any other violation gives invalid_request, with
// one fault per field.
func checkSchema(schema *openapi3.Schema, v any) error {
	err := schema.VisitJSON(v, openapi3.MultiErrors(), openapi3.VisitAsRequest(), openapi3.EnableFormatValidation())
	if err == nil {
		return nil
	}
	var faults []billing.Fault
	for _, e := range flatten(err) {
		if detail := typeError(e); detail != "" {
			return malformed(detail)
		}
		faults = append(faults, billing.Fault{Field: field(e), Message: message(e)})
	}
	return &billing.InvalidError{Faults: slices.CompactFunc(faults, sameField)}
}

func sameField(a, b billing.Fault) bool { return a.Field == b.Field }

func message(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "required":
		return "is missing"
	case "pattern":
		return rule(e.Schema)
	case "minLength":
		return "must not be empty"
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *e.Schema.MaxLength)
	case "minimum":
		return fmt.Sprintf("must be at least %.0f", *e.Schema.Min)
	case "maximum":
		return fmt.Sprintf("must be at most %.0f", *e.Schema.Max)
	default:
		return e.Reason
	}
}

// rule returns the rule of a pattern in words, from the document's x-rule.
func rule(s *openapi3.Schema) string {
	words, _ := s.Extensions["x-rule"].(string)
	return words
}

// flatten returns the schema errors inside err.
func flatten(err error) []*openapi3.SchemaError {
	var many openapi3.MultiError
	var one *openapi3.SchemaError
	switch {
	case errors.As(err, &many):
		var all []*openapi3.SchemaError
		for _, e := range many {
			all = append(all, flatten(e)...)
		}
		return all
	case errors.As(err, &one):
		return []*openapi3.SchemaError{one}
	default:
		return []*openapi3.SchemaError{{Reason: "is not valid"}}
	}
}

// typeError returns the detail of malformed_request if e makes the body malformed,
// or "" if e makes it invalid.
func typeError(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "type", "nullable":
		return field(e) + " has the wrong type"
	case "enum": // checked before the type
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
	unsupported = regexp.MustCompile(`^property "(.*)" is unsupported$`)
	simpleName  = regexp.MustCompile(`^[a-z_]{1,40}$`)
	plainName   = regexp.MustCompile(`^[a-z_.0-9]{1,80}$`)
)

// unknownName returns the name of the unknown member, as quotedName does.
func unknownName(e *openapi3.SchemaError) string {
	if m := unsupported.FindStringSubmatch(e.Reason); m != nil {
		return quotedName(m[1])
	}
	return ""
}

// quotedName returns an unknown name for an error if it looks like a typing mistake.
// Other names may be misplaced secrets.
func quotedName(name string) string {
	if simpleName.MatchString(name) {
		return ": " + name
	}
	return ""
}

// field returns the path of the invalid value, such as price.amount.
func field(e *openapi3.SchemaError) string {
	name := strings.Join(e.JSONPointer(), ".")
	if !plainName.MatchString(name) {
		return "body"
	}
	return name
}
