package admin

import (
	"errors"
	"strings"

	"github.com/online-cinema/billing/core/billing"
)

// fault is an invalid field of a form.
type fault struct {
	field  string
	key    string // key of the text that describes it; empty if only detail does
	detail string // the invalid part of the value; empty if the text needs none
}

// formError lists the invalid fields of a form that cannot be parsed.
type formError struct{ faults []fault }

func (e *formError) Error() string {
	keys := make([]string, len(e.faults))
	for i, f := range e.faults {
		keys[i] = f.field + ": " + f.key
	}
	return strings.Join(keys, "; ")
}

// faultsOf returns the invalid fields that err lists, or nil if it lists none.
func faultsOf(err error) []fault {
	var form *formError
	var invalid *billing.InvalidError
	switch {
	case errors.As(err, &form):
		return form.faults
	case errors.As(err, &invalid):
		list := make([]fault, len(invalid.Faults))
		for i, f := range invalid.Faults {
			list[i] = faultOf(f)
		}
		return list
	}
	return nil
}

// faultOf converts a fault of the rules. An unknown message has no key, so the
// page shows it untranslated.
func faultOf(f billing.Fault) fault {
	known := fault{field: formField(f.Field), detail: f.Message}
	for _, rule := range ruleKeys {
		if rest, found := strings.CutPrefix(f.Message, rule.message); found {
			known.key = rule.key
			known.detail, found = strings.CutPrefix(rest, ": ")
			if !found {
				known.detail = ""
			}
			break
		}
	}
	return known
}

// formField returns the form's field for a field of a plan or a payment system.
func formField(field string) string {
	switch field {
	case "price.amount":
		return "price"
	case "price.currency":
		return "currency"
	}
	return field
}

// ruleKeys are the text keys of the rules, by the beginning of their messages.
// A message may continue with ": " and the invalid part of the value.
var ruleKeys = []struct{ message, key string }{
	{"must be 1 to 63 lower-case letters, digits, - or _, and not look like an id", "rule.code_format"},
	{"must not be empty", "rule.required"},
	{"must be at most 200 characters", "rule.too_long"},
	{"must not hold control characters", "rule.control_characters"},
	{"must be 1 to 36", "rule.interval_range"},
	{"must be at most 50", "rule.too_many"},
	{"must not name one twice", "rule.duplicate"},
	{"is not an ISO 4217 code", "rule.unknown_currency"},
	{"must be more than zero", "rule.not_positive"},
	{"must be at most", "rule.too_large"},
}

// faultTexts returns the text of the first fault of each field.
func (v *view) faultTexts(faults []fault) map[string]string {
	texts := make(map[string]string)
	for _, f := range faults {
		if texts[f.field] == "" {
			texts[f.field] = v.faultText(f)
		}
	}
	return texts
}

func (v *view) faultText(f fault) string {
	switch {
	case f.key == "":
		return f.detail
	case f.detail == "":
		return v.T(f.key)
	default:
		return v.T(f.key) + ": " + f.detail
	}
}
