package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each step that core names has a scenario that kills a program there.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../core/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("core: %d files, %v", len(files), err)
	}
	named := regexp.MustCompile(`crash\.Point\("([^"]+)"\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if !slices.ContainsFunc(scenarios(), func(s scenario) bool {
				return strings.HasPrefix(s.name, "kill/") && strings.HasSuffix(s.name, "/"+m[1])
			}) {
				t.Errorf("no scenario kills a program at %s", m[1])
			}
		}
	}
}
