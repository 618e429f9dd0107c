package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The project's prose must be plain. Comments that replace the noun with a
// relative pronoun are riddles, so this file counts them in Go, SQL and "#"
// comments and in the documents. The subtests are named after the groups:
//
//	go test ./core -run TestProse/adapters
//	PROSE_DIR=adapters/postgres go test ./core -run TestProse/adapters
//
// PROSE_DIR limits the count and the list to the files under one folder.
var proseGroups = []string{"core", "adapters", "cmd", "db", "build", "documents"}

// A pronoun may occur at most limit times per 1,000 words of a group, or once.
var pronouns = []struct {
	name    string
	pattern *regexp.Regexp
	limit   float64
}{
	{"what/who", regexp.MustCompile(`(?i)\b(?:what|who|whoever|whatever|those who|those that|one that|of which|of whom|in which|that which|all that)\b`), 1.5},
	{"nobody/everybody", regexp.MustCompile(`(?i)\b(?:nobody|everybody|somebody|anybody|everyone)\b`), 0.3},
}

var (
	// No sentence may begin with one of these words.
	forbiddenBeginning = regexp.MustCompile(`^(?i:what|who|whoever|those who|those that|one that|others|nobody|everybody|somebody)\b`)
	// allowedBeginnings lists the sentences that may: "path: sentence".
	allowedBeginnings = []string{}

	word        = regexp.MustCompile(`[A-Za-z']+`)
	beforeWords = regexp.MustCompile(`^(?:[^A-Za-z0-9]|[0-9]+[.)])+`)
)

func TestProse(t *testing.T) {
	t.Parallel()
	for group, sentences := range proseByGroup(t) {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			checkBeginnings(t, sentences)
			checkPronouns(t, sentences)
		})
	}
}

func TestProse_AllowedBeginningsExist(t *testing.T) {
	t.Parallel()
	var found []string
	for _, sentences := range proseByGroup(t) {
		for _, s := range sentences {
			found = append(found, s.file+": "+s.text)
		}
	}
	for _, allowed := range allowedBeginnings {
		if !slices.Contains(found, allowed) && os.Getenv("PROSE_DIR") == "" {
			t.Errorf("allowedBeginnings lists a sentence that no longer exists: %s", allowed)
		}
	}
}

func checkBeginnings(t *testing.T, sentences []sentence) {
	t.Helper()
	bad := slices.DeleteFunc(slices.Clone(sentences), func(s sentence) bool {
		return !s.beginsBadly() || slices.Contains(allowedBeginnings, s.file+": "+s.text)
	})
	if len(bad) > 0 {
		t.Errorf("%d sentences begin with a pronoun; name the subject:%s", len(bad), list(bad))
	}
}

func checkPronouns(t *testing.T, sentences []sentence) {
	t.Helper()
	words := 0
	for _, s := range sentences {
		words += len(word.FindAllString(s.text, -1))
	}
	for _, p := range pronouns {
		var bad []sentence
		matches := 0
		for _, s := range sentences {
			if n := len(p.pattern.FindAllString(s.text, -1)); n > 0 {
				matches, bad = matches+n, append(bad, s)
			}
		}
		allowed := max(1, int(p.limit*float64(words)/1000))
		rate := float64(matches) * 1000 / float64(max(words, 1))
		t.Logf("%s: %d in %d words, %.2f per 1,000, at most %.1f", p.name, matches, words, rate, p.limit)
		if matches > allowed {
			t.Errorf("%s: %d matches, at most %d allowed; name the subject:%s", p.name, matches, allowed, list(bad))
		}
	}
}

// list returns one line per sentence: at most 40, or all under PROSE_DIR.
func list(sentences []sentence) string {
	var b strings.Builder
	for i, s := range sentences {
		if i == 40 && os.Getenv("PROSE_DIR") == "" {
			fmt.Fprintf(&b, "\n  and %d more (PROSE_DIR lists all of one folder)", len(sentences)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s:%d: %.160s", s.file, s.line, s.text)
	}
	return b.String()
}

func (s sentence) beginsBadly() bool {
	return forbiddenBeginning.MatchString(beforeWords.ReplaceAllString(s.text, ""))
}

// proseByGroup reads all comments and documents of the repository.
func proseByGroup(t *testing.T) map[string][]sentence {
	t.Helper()
	groups := map[string][]sentence{}
	for _, group := range proseGroups {
		groups[group] = nil
	}
	for _, file := range repositoryFiles(t) {
		if dir := os.Getenv("PROSE_DIR"); dir != "" && !within(file, filepath.Clean(dir)) {
			continue
		}
		src, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		group := top(file, 1)
		switch {
		case strings.HasSuffix(file, ".md"):
			group = "documents"
		case !slices.Contains(proseGroups, group):
			group = "build"
		}
		groups[group] = append(groups[group], sentencesOf(file, string(src))...)
	}
	return groups
}

func TestSentence_BeginsBadly(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"What is due is charged.":         true,
		"what is due":                     true,
		"  - Whoever comes waits":         true,
		"1. Those who wait":               true,
		"(Nobody waits.)":                 true,
		"**Others** wait.":                true,
		"What's due":                      true,
		"The viewer who waits":            false,
		"Whose turn it is":                false,
		"WhoAmI returns the caller":       false,
		"Those payments":                  false,
		"One that":                        true,
		"One payment that":                false,
		"Callers wait, as does everybody": false,
	}
	for text, want := range tests {
		if got := (sentence{text: text}).beginsBadly(); got != want {
			t.Errorf("beginsBadly(%q) = %t, want %t", text, got, want)
		}
	}
}

func TestPronouns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want [2]int // matches of each entry of pronouns
	}{
		{"Charge what is due, of which those who wait know", [2]int{3, 0}},
		{"Nobody, everyone and Anybody", [2]int{0, 3}},
		{"The whole of somebody's whatsoever", [2]int{0, 1}},
		{"The viewer that pays", [2]int{0, 0}},
	}
	for _, tt := range tests {
		for i, p := range pronouns {
			if got := len(p.pattern.FindAllString(tt.text, -1)); got != tt.want[i] {
				t.Errorf("%s in %q: %d, want %d", p.name, tt.text, got, tt.want[i])
			}
		}
	}
}
