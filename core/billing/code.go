package billing

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Plans, payment systems and features have codes. A code is part of URLs, so it
// must not look like an id.
var (
	codePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

const codeRule = "must be 1 to 63 lower-case letters, digits, - or _, and not look like an id"

func validCode(s string) bool { return codePattern.MatchString(s) && !uuidPattern.MatchString(s) }

// IsID reports whether s has the form of an id: a UUID in lower case.
func IsID(s string) bool { return uuidPattern.MatchString(s) }

// checkName checks the name of a plan or a payment system.
func checkName(f *faults, name string) {
	f.add(strings.TrimSpace(name) != "", "name", "must not be empty")
	f.add(utf8.RuneCountInString(name) <= 200, "name", "must be at most 200 characters")
	f.add(utf8.ValidString(name) && !strings.ContainsFunc(name, isControl), "name", "must not hold control characters")
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
