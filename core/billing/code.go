package billing

import "regexp"

// Plans, payment systems and features have codes. A code is part of URLs, so it
// must not look like an id. It is logged, so it must not be a card number.
var (
	codePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

func validCode(s string) bool {
	return codePattern.MatchString(s) && !uuidPattern.MatchString(s) && !HoldsCardNumber(s)
}

// IsID reports whether s has the form of an id: a UUID in lower case.
func IsID(s string) bool { return uuidPattern.MatchString(s) }
