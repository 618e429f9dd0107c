package billing

import "strings"

// Contact is the e-mail address or the phone number to which a viewer's receipts go. It
// hides its text as [Secret] does.
type Contact struct{ Secret }

// The longest parts of an e-mail address (RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3), in
// bytes, and the digits of a phone number (ITU-T E.164).
const (
	maxEmail, maxLocalPart, maxLabel = 254, 64, 63
	minPhone, maxPhone               = 8, 15
)

// NewContact returns the contact of a request, which names either an e-mail address or a
// phone number. It returns an [InvalidError] for the field receipt otherwise. The error does
// not contain the contact.
//
// An address is a dot-atom and a domain name in ASCII (RFC 5322, section 3.4.1). A phone
// number is the digits of E.164, with or without a plus; the contact has no plus.
func NewContact(email, phone *string) (Contact, error) {
	var f faults
	var text string
	switch {
	case (email == nil) == (phone == nil):
		f.add(false, "receipt", "must have exactly one of email and phone")
	case email != nil:
		text = *email
		f.add(isEmail(text), "receipt.email", "must be an e-mail address of at most 254 characters, in ASCII")
	default:
		text = strings.TrimPrefix(*phone, "+")
		f.add(isPhone(text), "receipt.phone", "must be a phone number with its country code: 8 to 15 digits, such as +79001234567")
	}
	if err := f.err(); err != nil {
		return Contact{}, err
	}
	return Contact{NewSecret(text)}, nil
}

// IsEmail reports whether the contact is an e-mail address.
func (c Contact) IsEmail() bool { return strings.Contains(c.Reveal(), "@") }

func isEmail(text string) bool {
	local, domain, _ := strings.Cut(text, "@")
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		ends := strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-")
		if label == "" || len(label) > maxLabel || ends || strings.ContainsFunc(label, notIn(isAlphanumeric, "-")) {
			return false
		}
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notIn(isAlphanumeric, "!#$%&'*+-/=?^_`{|}~")) {
			return false
		}
	}
	return len(labels) > 1 && len(local) <= maxLocalPart && len(text) <= maxEmail
}

func isPhone(text string) bool {
	other := func(c rune) bool { return c < '0' || c > '9' }
	return len(text) >= minPhone && len(text) <= maxPhone && text[0] != '0' && !strings.ContainsFunc(text, other)
}

// notIn returns a function that reports whether a character is neither of the kind nor one
// of the others.
func notIn(kind func(rune) bool, others string) func(rune) bool {
	return func(c rune) bool { return !kind(c) && !strings.ContainsRune(others, c) }
}

func isAlphanumeric(c rune) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// ContactID identifies a stored contact.
type ContactID string

// ReceiptContact is a contact that a viewer has given. It is never changed: the newest one
// of a viewer counts for new payments.
type ReceiptContact struct {
	ID      ContactID
	UserID  UserID
	Contact Contact // zero if the store cannot decrypt it
}
