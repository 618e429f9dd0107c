package billing

// CardNumber is the number on a bank card (the PAN). Like a [Secret] it prints as
// ***. Unlike a Secret it can be wiped.
type CardNumber struct{ secretDigits }

// CVV is the verification code on a bank card. Each payment with the card needs
// it. It goes to the payment system and is never stored.
type CVV struct{ secretDigits }

// ParseCardNumber parses a number as a viewer types it: digits, with single
// spaces or dashes between them. It returns the zero number for any other text.
func ParseCardNumber(text string) CardNumber {
	digits := make([]byte, 0, len(text))
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
			digits = append(digits, c)
		case (c == ' ' || c == '-') && i > 0 && i < len(text)-1 && isDigit(text[i-1]) && isDigit(text[i+1]):
		default:
			clear(digits)
			return CardNumber{}
		}
	}
	return CardNumber{hideDigits(digits)}
}

// CardNumberFromDigits returns the number with these digits, which must have been
// checked before. It does not copy them, so that Wipe overwrites digits itself.
func CardNumberFromDigits(digits []byte) CardNumber { return CardNumber{hideDigits(digits)} }

// NewCVV returns the code that a viewer typed: 3 or 4 digits. It returns the zero
// code for any other text.
func NewCVV(text string) CVV {
	if len(text) < 3 || len(text) > 4 || !onlyDigits(text) {
		return CVV{}
	}
	return CVV{hideDigits([]byte(text))}
}

// luhn reports whether the last digit of a number is the correct check digit.
func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d - '0')
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// onlyDigits reports whether text is one or more ASCII digits.
func onlyDigits(text string) bool {
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return text != ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
