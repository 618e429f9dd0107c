package core_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// apart separates sentences that no punctuation ends, such as table cells.
const apart = "\x00"

var (
	sentenceEnd   = regexp.MustCompile(apart + "|[.!?][\"')\\]]*[ \n]+[\"'(\\[`*]*[A-Z]")
	listItem      = regexp.MustCompile(`^\s*(?:[-*+]|[0-9]+[.)]|#+|>)\s`)
	inlineCode    = regexp.MustCompile("`[^`]*`|\\]\\([^)]*\\)|https?://\\S+")
	generatedFile = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	directive     = regexp.MustCompile(`^//(?:go:|nolint|line )|^-- (?:name:|\+goose)|^#!`)
)

// A sentence is a sentence, or a fragment, of a comment or of a document.
type sentence struct {
	file string
	line int
	text string
}

// repositoryFiles returns the paths of all files, relative to the root. It skips
// files that git ignores, test data, and the repository itself.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "bin", "testdata", "node_modules"}, entry.Name()) {
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() {
			files = append(files, filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sentencesOf returns the sentences of a file's comments, or of a document.
func sentencesOf(file, src string) []sentence {
	var lines map[int]string // a comment's or document's text by line number
	switch name, ext := filepath.Base(file), filepath.Ext(file); {
	case ext == ".go" && generatedFile.MatchString(src):
		return nil
	case ext == ".go":
		lines = goComments(src)
	case ext == ".md":
		lines = documentText(src)
	case ext == ".sql":
		lines = lineComments(src, "--")
	case slices.Contains([]string{".yaml", ".yml", ".sh", ".service", ".timer"}, ext),
		slices.Contains([]string{"Makefile", "Dockerfile", ".dockerignore", ".gitignore", "run"}, name):
		lines = lineComments(src, "#")
	}
	return splitSentences(file, lines)
}

// goComments returns the text of comments by line. It scans instead of parsing,
// so that build tags and unfinished edits do not hide a file.
func goComments(src string) map[int]string {
	lines, column := map[int]string{}, map[int]int{}
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, []byte(src), nil, scanner.ScanComments)
	codeLine := 0
	for {
		pos, tok, lit := s.Scan()
		at := file.Position(pos)
		switch {
		case tok == token.EOF:
			return lines
		case tok != token.COMMENT:
			codeLine = at.Line
			continue
		case directive.MatchString(lit):
			continue
		}
		// A comment on a line of its own does not continue one that trails code,
		// unless both stand in the same column.
		if previous, ok := column[at.Line-1]; at.Line == codeLine || ok && previous != at.Column {
			lines[at.Line-1] += apart
		}
		column[at.Line] = at.Column
		text := strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(lit, "/*"), "*/"), "//")
		for i, l := range strings.Split(text, "\n") {
			lines[at.Line+i] += " " + l
		}
	}
}

// lineComments returns the text after marker by line, for marks at the
// beginning of a line or after white space.
func lineComments(src, marker string) map[int]string {
	lines := map[int]string{}
	comment := regexp.MustCompile(`^(.*\s)??(` + marker + `.*)$`)
	trailing := false
	for i, l := range strings.Split(src, "\n") {
		m := comment.FindStringSubmatch(l)
		if m == nil || directive.MatchString(m[2]) || strings.Count(m[1], `"`)%2 == 1 || strings.Count(m[1], `'`)%2 == 1 {
			trailing = false
			continue
		}
		if now := strings.TrimSpace(m[1]) != ""; now || trailing {
			lines[i] += apart
			trailing = now
		}
		lines[i+1] = " " + strings.TrimLeft(m[2], marker)
	}
	return lines
}

// documentText returns the prose of a Markdown document by line: no code blocks,
// inline code or link targets. Headings and table cells stand apart.
func documentText(src string) map[int]string {
	lines := map[int]string{}
	fenced := false
	for i, l := range strings.Split(src, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "```") {
			fenced = !fenced
			continue
		}
		l = inlineCode.ReplaceAllString(l, "")
		if fenced || strings.TrimSpace(l) == "" {
			continue
		}
		if strings.HasPrefix(l, "|") {
			l = strings.ReplaceAll(l, "|", apart)
		}
		if strings.HasPrefix(l, "#") {
			l += apart
		}
		lines[i+1] = l
	}
	return lines
}

// splitSentences joins the text of consecutive lines and cuts it into sentences.
// A blank line, a missing line number and a list item begin a new sentence.
func splitSentences(file string, lines map[int]string) []sentence {
	var found []sentence
	var block strings.Builder
	first, previous := 0, -1
	flush := func() {
		text, from := block.String(), 0
		for _, to := range sentenceEnds(text) {
			if s := strings.Join(strings.Fields(text[from:to]), " "); strings.Trim(s, apart+" ") != "" {
				leading := len(text[from:to]) - len(strings.TrimLeft(text[from:to], apart+" \n"))
				found = append(found, sentence{file, first + strings.Count(text[:from+leading], "\n"), strings.Trim(s, apart+" ")})
			}
			from = to
		}
		block.Reset()
	}
	for _, n := range slices.Sorted(maps.Keys(lines)) {
		if n != previous+1 || strings.TrimSpace(lines[n]) == "" || listItem.MatchString(lines[n]) {
			flush()
			first = n
		}
		block.WriteString(lines[n] + "\n")
		previous = n
	}
	flush()
	return found
}

// sentenceEnds returns the offsets in text at which a sentence ends.
func sentenceEnds(text string) []int {
	var ends []int
	for _, end := range sentenceEnd.FindAllStringIndex(text, -1) {
		ends = append(ends, end[0]+1)
	}
	return append(ends, len(text))
}

func TestSentencesOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, src string
		want            []string // line: sentence
	}{
		{"doc comment of two sentences", "a.go", "package a\n\n// A is one\n// thing. It works.\nconst A = 1\n", []string{"3: A is one thing.", "4: It works."}},
		{"paragraphs and list items", "a.go", "// One.\n//\n//   - two\n//   - three\n//     goes on\npackage a\n", []string{"1: One.", "3: - two", "4: - three goes on"}},
		{"trailing comments stand apart", "a.go", "package a\n\nvar (\n\ta = 1 // one\n\tb = 2 // two\n)\n", []string{"4: one", "5: two"}},
		{"trailing comment on two lines", "a.go", "package a\n\nvar a = 1 // one\n          // goes on\n", []string{"3: one goes on"}},
		{"block comment", "a.go", "/*\nOne\ngoes on.\n*/\npackage a\n", []string{"2: One goes on."}},
		{"build tag in front", "a.go", "//go:build crash\n\n// Package a.\npackage a\n", []string{"3: Package a."}},
		{"comment marks in a string", "a.go", "package a\n\nconst a = \"http://who\"\n", nil},
		{"generated code", "a.go", "// Code generated by sqlc. DO NOT EDIT.\n// Who.\npackage a\n", nil},
		{"unfinished edit", "a.go", "package a\n\n// One.\nfunc {\n", []string{"3: One."}},
		{"SQL", "a.sql", "-- name: A :exec\n-- One\n-- goes on.\nSELECT 1, -- two\n  '--no'; -- three\n", []string{"2: One goes on.", "4: two", "5: three"}},
		{"YAML", "a.yaml", "# One.\na: b#c # two\n", []string{"1: One.", "2: two"}},
		{"document", "a.md", "# One\nTwo [three](who.md) `who`\ngoes on.\n\n```sh\n# who\n```\n| a | b. C |\n", []string{"1: # One", "2: Two [three goes on.", "8: a", "8: b.", "8: C"}},
		{"other files", "a.png", "# who", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range sentencesOf(tt.file, tt.src) {
				got = append(got, fmt.Sprintf("%d: %s", s.line, s.text))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("sentences:\n%q\nwant:\n%q", got, tt.want)
			}
		})
	}
}
