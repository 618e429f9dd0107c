package billing

import (
	"fmt"
	"strings"
)

// Fault is a problem with one field of a request.
type Fault struct {
	Field   string
	Message string // for people, in English
	Rule    Rule   // broken rule, for programs that translate; empty for rules without a code
	Value   string // invalid part of the field, such as one code of a list; often empty
}

// Rule is the code of a rule for the fields of plans, payment systems and notes.
type Rule string

// The rules that have a code. Their messages are in [ruleMessages].
const (
	RuleRequired          Rule = "required"
	RuleTooLong           Rule = "too_long"
	RuleNoteTooLong       Rule = "note_too_long"
	RuleNoLetter          Rule = "no_letter"
	RuleControlCharacters Rule = "control_characters"
	RuleCardNumber        Rule = "card_number"
	RuleCodeFormat        Rule = "code_format"
	RuleIntervalRange     Rule = "interval_range"
	RuleIntervalFixed     Rule = "interval_fixed"
	RuleTooMany           Rule = "too_many"
	RuleDuplicate         Rule = "duplicate"
	RuleUnknownCurrency   Rule = "unknown_currency"
	RuleNotPositive       Rule = "not_positive"
	RuleTooLarge          Rule = "too_large"
	RuleUnknownVAT        Rule = "unknown_vat"
)

var ruleMessages = map[Rule]string{
	RuleRequired:          "must not be empty",
	RuleTooLong:           fmt.Sprintf("must be at most %d characters", maxName),
	RuleNoteTooLong:       fmt.Sprintf("must be at most %d characters", MaxNote),
	RuleNoLetter:          "must contain a letter or a digit",
	RuleControlCharacters: "must not contain control characters or invisible characters",
	RuleCardNumber:        "must not contain what could be a card number",
	RuleCodeFormat:        "must be 1 to 63 lower-case letters, digits, - or _, and not look like an id",
	RuleIntervalRange:     fmt.Sprintf("must be 1 to %d", maxInterval),
	RuleIntervalFixed:     "cannot change while the plan has subscribers; add another plan instead",
	RuleTooMany:           fmt.Sprintf("must be at most %d", maxFeatures),
	RuleDuplicate:         "must not name one twice",
	RuleUnknownCurrency:   "is not an ISO 4217 code in capitals, such as RUB",
	RuleNotPositive:       "must be more than zero minor units",
	RuleTooLarge:          fmt.Sprintf("must be at most %d minor units", int64(MaxAmount)),
	RuleUnknownVAT:        fmt.Sprintf("must be one of %v", VATs()),
}

// InvalidError lists all problems with the fields of a request. It is
// [ErrInvalid].
type InvalidError struct{ Faults []Fault }

func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Field + ": " + f.Message
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// faults collects the problems of a request, so that one error reports them all.
type faults []Fault

// add adds a fault unless ok.
func (f *faults) add(ok bool, field, message string) {
	if !ok {
		*f = append(*f, Fault{Field: field, Message: message})
	}
}

// check adds a fault of a rule unless ok.
func (f *faults) check(ok bool, field string, rule Rule) {
	if !ok {
		*f = append(*f, Fault{Field: field, Message: ruleMessages[rule], Rule: rule})
	}
}

// checkValue is check for one value of a list.
func (f *faults) checkValue(ok bool, field string, rule Rule, value string) {
	if !ok {
		value = quoteShort(value)
		*f = append(*f, Fault{field, ruleMessages[rule] + ": " + value, rule, value})
	}
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &InvalidError{Faults: f}
}
