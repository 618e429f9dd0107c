package billing

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// NoteID identifies a note.
type NoteID string

// Note is what an operator wrote about a user. It is personal data: an erasure removes it,
// unlike the reason of a change.
type Note struct {
	ID        NoteID
	UserID    UserID
	Text      string // 1 to [MaxNote] characters
	By        string // the name of an operator
	CreatedAt time.Time
}

// MaxNote is the largest number of characters of a note.
const MaxNote = 1000

// NewNote returns a note without spaces around its text, or an [InvalidError] if the text is
// too long or empty, or contains a card number or control characters other than line breaks.
func NewNote(id NoteID, user UserID, text, by string, now time.Time) (Note, error) {
	const field = "note"
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	var f faults
	f.check(text != "", field, RuleRequired)
	f.check(utf8.RuneCountInString(text) <= MaxNote, field, RuleNoteTooLong)
	f.check(utf8.ValidString(text) && allVisible(strings.ReplaceAll(text, "\n", " ")), field, RuleControlCharacters)
	f.check(!HoldsCardNumber(text), field, RuleCardNumber)
	return Note{ID: id, UserID: user, Text: text, By: by, CreatedAt: now}, f.err()
}

// ErasureObstacles are the records of a user that are not finished. They need the personal
// data, so the data cannot be erased before.
type ErasureObstacles struct {
	Live     int // subscriptions that have not ended
	Payments int // payments that are pending, or were given up and are looked up again
	Refunds  int // pending refunds
	Receipts int // pending fiscal receipts
	Saves    int // payment methods that are being saved
}

// Check returns [ErrInvalidTransition] if there is an obstacle. The message names the first
// one and the next step.
func (o ErasureObstacles) Check() error {
	for _, obstacle := range []struct {
		n            int
		what, remedy string
	}{
		{o.Live, "subscription", "end it with billingctl subscription cancel ID --now"},
		{o.Payments, "pending payment", "it settles by itself, or with billingctl payment settle"},
		{o.Refunds, "pending refund", "wait until the money has gone back"},
		{o.Receipts, "pending receipt", "wait until it is registered"},
		{o.Saves, "payment method that is being saved", "wait until its page expires"},
	} {
		if obstacle.n > 0 {
			return ErrInvalidTransition.WithMessage("the user has a %s (%d); %s. Nothing was erased", obstacle.what, obstacle.n, obstacle.remedy)
		}
	}
	return nil
}

// Erased says which personal data of a user was erased.
type Erased struct {
	Subject, Display                bool
	Contacts, Notes, Cards, Methods int
}

// String returns a list such as "subject, 2 contacts", or "nothing".
func (e Erased) String() string {
	var list []string
	if e.Subject {
		list = append(list, "subject")
	}
	if e.Display {
		list = append(list, "display name")
	}
	for _, part := range []struct {
		n    int
		noun string
	}{{e.Contacts, "contact"}, {e.Notes, "note"}, {e.Cards, "card"}, {e.Methods, "payment method"}} {
		switch {
		case part.n == 1:
			list = append(list, "1 "+part.noun)
		case part.n > 1:
			list = append(list, fmt.Sprintf("%d %ss", part.n, part.noun))
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// KeepingTimes say how long personal data is kept. 0 means for ever.
//
// Notes are kept from the time at which they were written. All else is kept while the user has
// a subscription, and then from the user's last visit or the end of the last subscription,
// whichever is later.
type KeepingTimes struct {
	Subject, Display, Contact, Notes time.Duration
}
