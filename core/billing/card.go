package billing

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// CardID identifies a stored card.
type CardID string

// Card is a bank card that a viewer has stored in the service. Its number is
// encrypted, so access to a Card does not give access to the number.
type Card struct {
	ID          CardID
	UserID      UserID
	Brand       Brand
	Last4       string // last four digits of the number
	ExpMonth    int    // the card is valid until the end of this month
	ExpYear     int
	Holder      string // as printed on the card; may be empty
	Fingerprint Fingerprint
	Number      Encrypted
	CreatedAt   time.Time
	RemovedAt   time.Time // zero until the viewer removes the card
}

// Encrypted is a secret that only a vault can decrypt.
type Encrypted struct {
	Ciphertext []byte
	KeyID      uint32 // the key that encrypted it
}

// Fingerprint is a keyed hash of a secret. Two secrets of one user are the same
// if and only if their fingerprints are. Without the key it reveals nothing.
type Fingerprint [32]byte

// CardDetails holds the fields of a card as a viewer types them.
type CardDetails struct {
	Number   CardNumber
	ExpMonth int
	ExpYear  int // four digits
	Holder   string
}

// maxCardYears is longer than the validity of any card.
const maxCardYears = 20

// NewCard validates d and returns the card, without its encrypted number. It
// returns an [InvalidError] that lists every invalid field and quotes no value.
func NewCard(id CardID, user UserID, d CardDetails, now time.Time, cal Calendar) (Card, error) {
	var f faults
	c := Card{
		ID: id, UserID: user, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear,
		Holder: strings.Join(strings.Fields(d.Holder), " "), CreatedAt: now,
	}
	c.readNumber(d.Number, &f)
	c.checkExpiry(now, cal, &f)
	f.add(validHolder(c.Holder), "holder", "must be at most 100 letters, spaces and punctuation marks, without digits")
	if err := f.err(); err != nil {
		return Card{}, err
	}
	return c, nil
}

func (c *Card) readNumber(n CardNumber, f *faults) {
	if n.IsZero() {
		f.add(false, "number", "must be the digits on the card; only single spaces or dashes between them are allowed")
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
		f.add(c.ExpYear <= now.Year()+maxCardYears, "exp_year", "is too far in the future; give all four digits of the year on the card")
	}
}

// Expired reports whether the card's month of expiry is over at now, in the time
// zone of cal.
func (c Card) Expired(now time.Time, cal Calendar) bool {
	return !now.Before(cal.monthEnd(c.ExpYear, time.Month(c.ExpMonth)))
}

// Usable returns nil if the viewer can pay with the card at now. It returns
// [ErrCardNotFound] if the card was removed, and an [InvalidError] if it has
// expired.
func (c Card) Usable(now time.Time, cal Calendar) error {
	switch {
	case !c.RemovedAt.IsZero():
		return ErrCardNotFound
	case c.Expired(now, cal):
		return &InvalidError{Faults: []Fault{{Field: "card_id", Message: "names a card that has expired; nothing was charged"}}}
	default:
		return nil
	}
}

// CheckCVV returns an [InvalidError] if v does not have the length of this card's
// code. Only the payment system can verify the code.
func (c Card) CheckCVV(v CVV) error {
	n := c.Brand.cvvLength()
	if len(v.bytes()) == n {
		return nil
	}
	return &InvalidError{Faults: []Fault{{Field: "cvv", Message: "must be the " + strconv.Itoa(n) + " digits on the card"}}}
}

// Remove returns the card as removed, and the event. It clears the number, the
// fingerprint and the holder's name. Removing a card twice changes nothing.
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

// validHolder refuses digits, so that a card number in the wrong field is not
// stored as a name. Scripts such as Devanagari need combining marks and joiners.
func validHolder(s string) bool {
	previous := ' '
	for _, r := range s {
		inWord := unicode.IsLetter(previous) || unicode.IsMark(previous)
		if !unicode.IsLetter(r) && !strings.ContainsRune(" .,'’-/&()", r) && (!inWord || !unicode.IsMark(r) && !unicode.Is(unicode.Join_Control, r)) {
			return false
		}
		previous = r
	}
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= 100
}
