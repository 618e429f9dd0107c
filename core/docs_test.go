package core_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const maxReadmeLines = 160

func TestDocs_ReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(readDocument(t, "README.md"), "\n"); n > maxReadmeLines {
		t.Errorf("README.md has %d lines, at most %d are allowed; move details beside the code that they describe", n, maxReadmeLines)
	}
}

func TestDocs_FirstParagraph(t *testing.T) {
	t.Parallel()
	for _, file := range documents(t) {
		if !hasFirstParagraph(readDocument(t, file)) {
			t.Errorf("%s does not begin with a heading and a paragraph that states its readers", file)
		}
	}
}

func TestDocs_LinksResolve(t *testing.T) {
	t.Parallel()
	for _, file := range documents(t) {
		for _, l := range linksOf(readDocument(t, file)) {
			if fault := checkLink(t, file, l.target); fault != "" {
				t.Errorf("%s:%d: link %q: %s", file, l.line, l.target, fault)
			}
		}
	}
}

// checkLink returns the fault of a relative link, or the empty string. It does
// not check addresses of other sites.
func checkLink(t *testing.T, file, target string) string {
	t.Helper()
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	name, anchor, anchored := strings.Cut(target, "#")
	to := file
	if name != "" {
		to = path.Join(path.Dir(file), name)
	}
	if _, err := os.Stat(filepath.Join("..", to)); strings.HasPrefix(to, "../") || err != nil {
		return "the file does not exist"
	}
	if anchored && !slices.Contains(anchorsOf(readDocument(t, to)), anchor) {
		return "the heading does not exist"
	}
	return ""
}

// documents returns the paths of all Markdown files, relative to the root.
func documents(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(repositoryFiles(t), func(file string) bool { return !strings.HasSuffix(file, ".md") })
}

func readDocument(t *testing.T, file string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// hasFirstParagraph reports whether a document begins with a heading of the
// first level and a paragraph of at least ten words.
func hasFirstParagraph(src string) bool {
	heading, rest, _ := strings.Cut(src, "\n")
	paragraph, _, _ := strings.Cut(strings.TrimLeft(rest, "\n"), "\n\n")
	return strings.HasPrefix(heading, "# ") && !strings.HasPrefix(paragraph, "#") &&
		len(word.FindAllString(paragraph, -1)) >= 10
}

var (
	linkTarget    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	codeSpan      = regexp.MustCompile("`[^`]*`")
	notInAnchor   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	headingOfLine = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
)

type link struct {
	line   int
	target string
}

// linksOf returns the targets of a document's links and images, outside of code.
func linksOf(src string) []link {
	var links []link
	for i, l := range outsideFences(src) {
		for _, m := range linkTarget.FindAllStringSubmatch(codeSpan.ReplaceAllString(l, "code"), -1) {
			links = append(links, link{i + 1, m[1]})
		}
	}
	return links
}

// anchorsOf returns the anchors that GitHub generates for a document's headings.
func anchorsOf(src string) []string {
	var anchors []string
	for _, l := range outsideFences(src) {
		m := headingOfLine.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		text := linkTarget.ReplaceAllString(m[1], "]")
		base := strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
		anchor := base
		for n := 1; slices.Contains(anchors, anchor); n++ {
			anchor = base + "-" + strconv.Itoa(n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

// outsideFences returns the lines of a document; those of code blocks are blank.
func outsideFences(src string) []string {
	lines, fenced := strings.Split(src, "\n"), false
	for i, l := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(l), "```")
		if fence || fenced {
			lines[i] = ""
		}
		fenced = fenced != fence
	}
	return lines
}

func TestCheckLink(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"https://example.com/nothing":       "",
		"../README.md":                      "",
		"../db":                             "",
		"#the-core":                         "",
		"../README.md#try-it":               "",
		"nothing.md":                        "the file does not exist",
		"../../outside.md":                  "the file does not exist",
		"../README.md#nothing":              "the heading does not exist",
		"#2-optimistic-locking-by-xmin-not": "the heading does not exist",
	}
	for target, want := range tests {
		if got := checkLink(t, "core/README.md", target); got != want {
			t.Errorf("checkLink(%q) = %q, want %q", target, got, want)
		}
	}
}

func TestLinksOf(t *testing.T) {
	t.Parallel()
	src := "[a](b.md) and ![c](d.png \"title\")\n\n```\n[no](e.md)\n```\n`[no](f.md)` [`g`](h.md#i)\n"
	want := []link{{1, "b.md"}, {1, "d.png"}, {6, "h.md#i"}}
	if got := linksOf(src); !slices.Equal(got, want) {
		t.Errorf("linksOf = %v, want %v", got, want)
	}
}

func TestAnchorsOf(t *testing.T) {
	t.Parallel()
	src := "# To change X, touch Y\n## 2. `Find` before\n```sh\n# no\n```\n### [Link](a.md) and more\n## Same\n## Same\n"
	want := []string{"to-change-x-touch-y", "2-find-before", "link-and-more", "same", "same-1"}
	if got := anchorsOf(src); !slices.Equal(got, want) {
		t.Errorf("anchorsOf = %q, want %q", got, want)
	}
}

func TestHasFirstParagraph(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"# A\n\nThis document is for operators: it describes how to do it.\n": true,
		"This document is for operators: it describes how to do it.\n":        false,
		"# A\n\n## B\n\nThis document is for operators: it describes it.\n":   false,
		"# A\n\nToo short.\n": false,
		"":                    false,
	}
	for src, want := range tests {
		if got := hasFirstParagraph(src); got != want {
			t.Errorf("hasFirstParagraph(%q) = %t, want %t", src, got, want)
		}
	}
}
