package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeServer creates a folder of binaries that print the version.
func fakeServer(t *testing.T, dir, version string) {
	t.Helper()
	write(t, filepath.Join(dir, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n")
	write(t, filepath.Join(dir, "initdb"), "#!/bin/sh\n")
}

func TestFinder_Find(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(root, name) }
	for _, v := range []string{"9", "15", "16"} {
		fakeServer(t, at("lib/"+v+"/bin"), v+".4 (Some Linux)")
	}
	fakeServer(t, at("pg/17"), "17beta1")
	write(t, at("alone/postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 18.1'\n") // without initdb
	symlink(t, at("pg/17/postgres"), at("path/postgres"))
	globs := []string{at("lib/*/bin")}

	for name, tc := range map[string]struct {
		finder finder
		want   []string
		fault  string
	}{
		"PATH before newest": {finder{path: at("none") + ":" + at("path"), globs: globs}, []string{"pg/17", "lib/16/bin", "lib/15/bin"}, "9.4"},
		"no duplicates":      {finder{path: at("lib/15/bin"), globs: globs}, []string{"lib/15/bin", "lib/16/bin"}, "9.4"},
		"PG_BIN only":        {finder{only: at("lib/15/bin"), path: at("path"), globs: globs}, []string{"lib/15/bin"}, ""},
		"PG_BIN wrong":       {finder{only: at("none"), path: at("path")}, nil, at("none")},
		"without initdb":     {finder{path: at("alone")}, nil, "initdb"},
		"no folders":         {finder{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := tc.finder.find(t.Context())
			var got []string
			for _, b := range found {
				rel, _ := filepath.Rel(root, b.dir)
				got = append(got, rel)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if fault := errorText(err); !strings.Contains(fault, tc.fault) || tc.fault == "" && fault != "" {
				t.Errorf("error %q, want one with %q", fault, tc.fault)
			}
		})
	}
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPick(t *testing.T) {
	t.Parallel()
	found := []binaries{{"/a", 17}, {"/b", 15}}
	for name, tc := range map[string]struct {
		found []binaries
		major int
		want  string
		err   string
	}{
		"new data":                    {found, 0, "/a", ""},
		"old data":                    {found, 15, "/b", ""},
		"old data of another version": {found, 16, "", "made by PostgreSQL 16"},
		"no binaries":                 {nil, 0, "", "apt-get install postgresql"},
		"no binaries for old data":    {nil, 16, "", "apt-get install postgresql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pick(tc.found, "/data", tc.major)
			if text := errorText(err); got.dir != tc.want || !strings.Contains(text, tc.err) || tc.err == "" && text != "" {
				t.Errorf("%s, %q; want %s, %q", got.dir, text, tc.want, tc.err)
			}
		})
	}
}

func TestAccount_CanEnter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := account{name: "other", uid: 1<<31 - 7, gid: 1<<31 - 7, other: true}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := other.canEnter(inside); err == nil {
		t.Error("another user may enter a folder of mode 0750")
	}
	if err := (account{}).canEnter(inside); err != nil {
		t.Errorf("the owner may not enter the folder: %v", err)
	}
}
