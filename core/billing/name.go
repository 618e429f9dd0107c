package billing

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxName = 200 // characters

// checkName checks the name of a plan or a payment system. People must be able to
// see a name, to tell it from others, and to type it.
func checkName(f *faults, name string) {
	blank := strings.TrimSpace(name) == ""
	f.check(!blank, "name", RuleRequired)
	f.check(blank || strings.ContainsFunc(name, isLetterOrDigit), "name", RuleNoLetter)
	f.check(utf8.RuneCountInString(name) <= maxName, "name", RuleTooLong)
	f.check(utf8.ValidString(name) && allVisible(name), "name", RuleControlCharacters)
	f.check(!HoldsCardNumber(name), "name", RuleCardNumber)
}

func isLetterOrDigit(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// allVisible reports whether text has neither control characters nor invisible ones.
// Characters that change the direction of text count as control characters.
func allVisible(text string) bool {
	runes := []rune(text)
	for i, r := range runes {
		joined := i > 0 && i < len(runes)-1 && joins(runes[i-1]) && joins(runes[i+1])
		if !visible(r) && (!isJoiner(r) || !joined) {
			return false
		}
	}
	return true
}

func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// isJoiner reports whether r is the zero-width joiner or non-joiner. Persian, the
// scripts of India and emoji need them between characters.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// joins reports whether a joiner may stand beside r.
func joins(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r)
}
