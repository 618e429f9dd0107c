package admin

import (
	"errors"
	"slices"
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

// faultOf converts a fault of the rules. A rule without a text keeps its English
// message.
func faultOf(f billing.Fault) fault {
	key := "rule." + string(f.Rule)
	if !hasText(key) {
		return fault{field: formField(f.Field), detail: f.Message}
	}
	return fault{formField(f.Field), key, f.Value}
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

// faultTexts returns the texts of all faults by field. Faults that differ only in
// their detail share a text.
func (v *view) faultTexts(faults []fault) map[string]string {
	texts := make(map[string]string)
	for i, f := range faults {
		same := func(g fault) bool { return g.field == f.field && g.key == f.key && g.key != "" }
		if slices.ContainsFunc(faults[:i], same) {
			continue
		}
		for _, g := range faults[i+1:] {
			if same(g) && g.detail != "" && g.detail != f.detail {
				f.detail += ", " + g.detail
			}
		}
		if texts[f.field] != "" {
			texts[f.field] += "; "
		}
		texts[f.field] += v.faultText(f)
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
