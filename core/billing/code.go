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

const maxName = 200 // characters

func validCode(s string) bool { return codePattern.MatchString(s) && !uuidPattern.MatchString(s) }

// IsID reports whether s has the form of an id: a UUID in lower case.
func IsID(s string) bool { return uuidPattern.MatchString(s) }

// checkName checks the name of a plan or a payment system.
func checkName(f *faults, name string) {
	f.check(strings.TrimSpace(name) != "", "name", RuleRequired)
	f.check(utf8.RuneCountInString(name) <= maxName, "name", RuleTooLong)
	f.check(utf8.ValidString(name) && !strings.ContainsFunc(name, isControl), "name", RuleControlCharacters)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
