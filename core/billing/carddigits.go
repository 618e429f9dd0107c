package billing

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// The lengths of card numbers, in digits.
const (
	minCardDigits = 13
	maxCardDigits = 19
)

// HoldsCardNumber reports whether a text holds what could be a card number. Use it to
// refuse card numbers in everything that is stored or logged.
func HoldsCardNumber(text string) bool { return len(CardNumbersIn(text)) > 0 }

// IsCardNumber reports whether a whole text could be one card number, however its
// digits are separated. Use it to refuse card numbers in place of payment tokens, which
// are opaque and may contain any digits.
func IsCardNumber(text string) bool {
	parts := CardNumbersIn(text)
	return len(parts) == 1 && parts[0] == [2]int{0, len(text)}
}

// CardNumbersIn returns the parts of a text that could be card numbers, as offsets in
// bytes. A part has 13 to 19 digits, the last of which is a correct check digit. It
// may be surrounded by other text, and separated by anything except letters. The
// digits may be those of any script.
//
// UUIDs are skipped, because many of them would look like a card number by chance. Of
// separated digits, those count that have one separator and groups of one size, such
// as 4242.4242.4242.4242, or that are a number of a brand that the service accepts.
func CardNumbersIn(text string) (parts [][2]int) {
	groups := digitGroups(text)
	for i := 0; i < len(groups); i++ {
		if n := cardNumberAt(groups[i:]); n > 0 {
			parts = append(parts, [2]int{groups[i].start, groups[i+n-1].end})
			i += n - 1
		}
	}
	return parts
}

// digitGroup is a run of digits in a text.
type digitGroup struct {
	start, end int
	digits     []byte // ASCII
	joined     bool   // no letter stands between the previous group and this one
	separator  string // between the previous group and this one
}

func digitGroups(text string) (groups []digitGroup) {
	if !enoughDigits(text) {
		return nil
	}
	joined, end := false, -1 // end is that of the last group
	for i := 0; i < len(text); {
		if isUUIDAt(text, i) {
			joined = false
			i += uuidLength
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		d, digit := digitOf(r)
		switch {
		case digit && i == end:
			g := &groups[len(groups)-1]
			g.digits, g.end = append(g.digits, d), i+size
		case digit:
			g := digitGroup{start: i, end: i + size, digits: []byte{d}, joined: joined}
			if joined {
				g.separator = text[end:i]
			}
			groups = append(groups, g)
		case unicode.IsLetter(r):
			joined = false
		}
		if i += size; digit {
			joined, end = true, i
		}
	}
	return groups
}

// enoughDigits reports whether a text has enough digits for a card number. It is fast,
// because every text in the log passes through it.
func enoughDigits(text string) bool {
	n := 0
	for _, c := range []byte(text) {
		if isDigit(c) || c >= utf8.RuneSelf {
			n++
		}
	}
	return n >= minCardDigits && (len(text) != uuidLength || !isUUIDAt(text, 0))
}

// digitOf returns a decimal digit of any script in ASCII. Each script has its digits in
// a row of ten.
func digitOf(r rune) (byte, bool) {
	if r < utf8.RuneSelf && (r < '0' || r > '9') || !unicode.IsDigit(r) {
		return 0, false
	}
	value := 0
	for unicode.IsDigit(r - 1) {
		r--
		value++
	}
	return "0123456789"[value%10], true
}

const uuidLength = 36

// isUUIDAt reports whether a UUID begins at offset i.
func isUUIDAt(text string, i int) bool {
	if len(text)-i < uuidLength {
		return false
	}
	for n, c := range []byte(text[i : i+uuidLength]) {
		switch {
		case n == 8 || n == 13 || n == 18 || n == 23:
			if c != '-' {
				return false
			}
		case isDigit(c), 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// cardNumberAt returns how many groups, from the first one on, form a card number. It
// returns 0 if there is none, else the most groups.
func cardNumberAt(groups []digitGroup) (most int) {
	if longRunHoldsCardNumber(groups[0].digits) {
		return 1
	}
	var digits []byte
	for n, g := range groups {
		if n > 0 && !g.joined {
			break
		}
		if digits = append(digits, g.digits...); len(digits) > maxCardDigits {
			break
		}
		if couldBeCardNumber(digits) && (n == 0 || regular(groups[:n+1]) || ofKnownBrand(digits)) {
			most = n + 1
		}
	}
	return most
}

// couldBeCardNumber reports whether digits have the length, the check digit and the
// first digits of a card number. None begins with 0, 1, 20 or 21, unlike many times.
func couldBeCardNumber(digits []byte) bool {
	if len(digits) < minCardDigits || len(digits) > maxCardDigits || digits[0] < '2' || digits[0] == '2' && digits[1] < '2' {
		return false
	}
	return luhn(digits)
}

// regular reports whether groups look like one number: one separator, and groups of
// one size except for a shorter one at the end.
func regular(groups []digitGroup) bool {
	size := len(groups[0].digits)
	for i, g := range groups[1:] {
		last := i == len(groups)-2
		if g.separator != groups[1].separator || len(g.digits) > size || len(g.digits) < size && !last {
			return false
		}
	}
	return true
}

// ofKnownBrand reports whether digits begin and end like those of an accepted brand.
func ofKnownBrand(digits []byte) bool {
	brand, lengths := brandOf(digits)
	return brand != "" && slices.Contains(lengths, len(digits))
}

// longRunHoldsCardNumber reports whether a run of more digits than any card number has
// contains one. Only the usual lengths of the large brands count: with all lengths
// nearly every long run would match.
func longRunHoldsCardNumber(digits []byte) bool {
	if len(digits) <= maxCardDigits {
		return false
	}
	for from := range len(digits) - minCardDigits + 1 {
		for _, length := range []int{15, 16} {
			if from+length <= len(digits) && couldBeCardNumber(digits[from:from+length]) && ofLargeBrand(digits[from:from+length]) {
				return true
			}
		}
	}
	return false
}

func ofLargeBrand(digits []byte) bool {
	brand, lengths := brandOf(digits)
	switch brand {
	case Visa, Mastercard, Mir, Amex:
		return slices.Contains(lengths, len(digits))
	default:
		return false
	}
}
