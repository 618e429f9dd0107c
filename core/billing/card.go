package billing

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// CardID names a card that a viewer keeps with us.
type CardID string

// Card is a bank card that a viewer keeps with us. Its number is sealed: who has
// the card does not have the number.
type Card struct {
	ID          CardID
	UserID      UserID
	Brand       Brand
	Last4       string // of the number
	ExpMonth    int    // it is good to the end of this month
	ExpYear     int
	Holder      string // as printed on it; may be empty
	Fingerprint Fingerprint
	Number      Encrypted
	CreatedAt   time.Time
	RemovedAt   time.Time // zero while it is there
}

// Encrypted is a secret that only a vault can open.
type Encrypted struct {
	Ciphertext []byte
	KeyID      uint32 // of the key that it was sealed with
}

// Fingerprint tells whether two secrets of one user are the same. It is made
// with a key: without the key it says nothing about the secret.
type Fingerprint [32]byte

// CardDetails is what is on a card, as a viewer types it in.
type CardDetails struct {
	Number   CardNumber
	ExpMonth int
	ExpYear  int // four digits
	Holder   string
}

// maxCardYears is longer than any card is good for.
const maxCardYears = 20

// NewCard checks what a viewer typed in. The card is not sealed yet. All that is
// wrong with it is told at once, and none of it is quoted: [ErrInvalid].
func NewCard(id CardID, user UserID, d CardDetails, now time.Time, cal Calendar) (Card, error) {
	var f faults
	c := Card{
		ID: id, UserID: user, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear,
		Holder: strings.Join(strings.Fields(d.Holder), " "), CreatedAt: now,
	}
	c.readNumber(d.Number, &f)
	c.checkExpiry(now, cal, &f)
	f.add(goodHolder(c.Holder), "holder", "must be at most 100 letters, spaces, dots, dashes and apostrophes")
	if err := f.err(); err != nil {
		return Card{}, err
	}
	return c, nil
}

func (c *Card) readNumber(n CardNumber, f *faults) {
	if n.IsZero() {
		f.add(false, "number", "must be the digits on the card, with single spaces or dashes between them at most")
		return
	}
	digits := n.bytes()
	brand, lengths := brandOf(digits)
	switch {
	case brand == "":
		f.add(false, "number", "is of no card that is taken here: Mir, Visa, Mastercard, American Express, UnionPay, JCB, Maestro")
	case !slices.Contains(lengths, len(digits)):
		f.add(false, "number", "has too few or too many digits for a card of this brand")
	default:
		f.add(luhn(digits), "number", "has a wrong digit somewhere")
	}
	if len(digits) >= 4 {
		c.Brand, c.Last4 = brand, string(digits[len(digits)-4:])
	}
}

func (c *Card) checkExpiry(now time.Time, cal Calendar, f *faults) {
	switch {
	case c.ExpMonth < 1 || c.ExpMonth > 12:
		f.add(false, "exp_month", "must be 1 to 12")
	case c.Expired(now, cal):
		f.add(false, "exp_year", "is over: the card has expired")
	default:
		f.add(c.ExpYear <= now.Year()+maxCardYears, "exp_year", "is too far away; give all four digits of the year on the card")
	}
}

// Expired reports whether the month is over that the card is good for, in the
// calendar that billing counts by.
func (c Card) Expired(now time.Time, cal Calendar) bool {
	return !now.Before(cal.monthEnd(c.ExpYear, time.Month(c.ExpMonth)))
}

// Usable returns why the card cannot be paid with at now, or nil.
func (c Card) Usable(now time.Time, cal Calendar) error {
	switch {
	case !c.RemovedAt.IsZero():
		return ErrCardNotFound
	case c.Expired(now, cal):
		return &InvalidError{Faults: []Fault{{"card_id", "names a card that has expired; nothing was charged"}}}
	default:
		return nil
	}
}

// CheckCVV returns what is wrong with a code for this card, or nil:
// [ErrInvalid]. Only the payment system can tell whether it is the right one.
func (c Card) CheckCVV(v CVV) error {
	n := c.Brand.cvvLength()
	if len(v.bytes()) == n {
		return nil
	}
	return &InvalidError{Faults: []Fault{{"cvv", "must be the " + strconv.Itoa(n) + " digits on the card"}}}
}

// Remove returns the card without anything that could be charged or that tells
// who holds it. What is left says that it was there.
func (c Card) Remove(now time.Time) (Card, []Event) {
	if !c.RemovedAt.IsZero() {
		return c, nil
	}
	c.RemovedAt, c.Number, c.Fingerprint, c.Holder = now, Encrypted{}, Fingerprint{}, ""
	return c, []Event{c.event(EventCardRemoved, now)}
}

// AddedEvent returns the event of a new card.
func (c Card) AddedEvent() Event { return c.event(EventCardAdded, c.CreatedAt) }

func (c Card) event(t EventType, at time.Time) Event {
	return Event{UserID: c.UserID, Type: t, At: at, CardID: c.ID}
}

// ParseCardNumber reads a number as people write it: digits, in groups if they
// like. What has anything else in it becomes the zero number.
func ParseCardNumber(text string) CardNumber {
	digits := make([]byte, 0, len(text))
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case (c == ' ' || c == '-') && i > 0 && i < len(text)-1 && isDigit(text[i-1]) && isDigit(text[i+1]):
		default:
			clear(digits)
			return CardNumber{}
		}
	}
	return CardNumber{newBox(digits)}
}

// CardNumberFromDigits takes the digits of a number that was checked before, without
// copying them: wiping the number overwrites them.
func CardNumberFromDigits(digits []byte) CardNumber { return CardNumber{newBox(digits)} }

// NewCVV takes the code that a viewer typed in: 3 or 4 digits. Anything else
// becomes the zero code.
func NewCVV(text string) CVV {
	if len(text) < 3 || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return CVV{}
	}
	return CVV{newBox([]byte(text))}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// goodHolder lets no digits in: a number in the wrong field would be stored as a
// name.
func goodHolder(s string) bool {
	bad := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(" .'’-", r)
	}
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= 100 && !strings.ContainsFunc(s, bad)
}
