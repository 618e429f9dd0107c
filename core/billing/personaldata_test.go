package billing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestNewNote(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, want string
		rule       billing.Rule
	}{
		"one line":           {" calls each monday ", "calls each monday", ""},
		"several lines":      {"one\r\ntwo\nthree", "one\ntwo\nthree", ""},
		"longest":            {strings.Repeat("ы", billing.MaxNote), strings.Repeat("ы", billing.MaxNote), ""},
		"too long":           {strings.Repeat("ы", billing.MaxNote+1), "", billing.RuleNoteTooLong},
		"empty":              {" \n ", "", billing.RuleRequired},
		"card number":        {"4111 1111\n1111 1111", "", billing.RuleCardNumber},
		"control characters": {"a\x1b[2Jb", "", billing.RuleControlCharacters},
		"invalid UTF-8":      {"a\xffb", "", billing.RuleControlCharacters},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, err := billing.NewNote("note-1", "user-1", tt.text, "anna", day(1))
			var invalid *billing.InvalidError
			switch {
			case tt.rule == "" && err == nil:
				expectSame(t, n, billing.Note{ID: "note-1", UserID: "user-1", Text: tt.want, By: "anna", CreatedAt: day(1)})
			case !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Rule != tt.rule || invalid.Faults[0].Field != "note":
				t.Errorf("got %v, want the fault %q of the note", err, tt.rule)
			}
		})
	}
}

func TestErasureObstacles_Check(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]billing.ErasureObstacles{
		"":                                 {},
		"subscription (2)":                 {Live: 2, Payments: 1},
		"pending payment (1)":              {Payments: 1, Refunds: 1},
		"pending refund (1)":               {Refunds: 1},
		"pending receipt (3)":              {Receipts: 3},
		"method that is being saved (1); ": {Saves: 1},
	} {
		err := o.Check()
		if want == "" && err != nil || want != "" && (!errors.Is(err, billing.ErrInvalidTransition) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
}

func TestErased_String(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]billing.Erased{
		"nothing": {},
		"subject, display name, 1 contact, 2 notes, 1 card, 3 payment methods": {Subject: true, Display: true, Contacts: 1, Notes: 2, Cards: 1, Methods: 3},
		"1 note": {Notes: 1},
	} {
		if got := e.String(); got != want {
			t.Errorf("%+v is %q, want %q", e, got, want)
		}
	}
}
