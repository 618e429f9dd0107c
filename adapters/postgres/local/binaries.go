package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest Postgres whose SQL the service may use.
const minMajor = 15

// ErrNoPostgres is returned if this machine has no usable Postgres. Its text lists
// ways to get one.
var ErrNoPostgres = errors.New(`no PostgreSQL 15 or newer on this machine. Any one of these will do:
  Debian, Ubuntu   apt-get install postgresql
  macOS            brew install postgresql@17
  npm              install npm, and a copy for development is fetched when needed
  Docker           docker run -d -p 127.0.0.1:5432:5432 -e POSTGRES_PASSWORD=dev postgres:18
                   and the URL postgres://postgres:dev@127.0.0.1/postgres in BILLING_DATABASE_URL
  elsewhere        BILLING_DATABASE_URL (for tests BILLING_TEST_DATABASE_URL) with the URL of a server,
                   or PG_BIN with the folder that holds postgres and initdb`)

// binaries are the programs of one installed Postgres.
type binaries struct {
	dir   string
	major int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

func (b binaries) String() string { return fmt.Sprintf("PostgreSQL %d in %s", b.major, b.dir) }

const debianDirs = "/usr/lib/postgresql/*/bin" // Ubuntu too

// systemDirs lists the folders of servers that system packages install.
var systemDirs = []string{
	debianDirs,
	"/usr/pgsql-*/bin",                                   // Red Hat, from PGDG
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",                     // Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew, Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/usr/libexec/postgresql*",                           // Alpine
	"/opt/local/lib/postgresql*/bin",                     // MacPorts
}

// A finder searches folders for binaries.
type finder struct {
	only  string   // PG_BIN; if set, the only folder to search
	path  string   // PATH
	globs []string // newest first within each
	as    account  // must be able to enter the folders
}

func newFinder(as account) finder {
	f := finder{only: os.Getenv("PG_BIN"), path: os.Getenv("PATH"), globs: systemDirs, as: as}
	if cache, err := cacheDir(); err == nil {
		f.globs = append(slices.Clone(f.globs), filepath.Join(cache, fetchedPrefix+"*", "bin"))
	}
	return f
}

// find lists the usable binaries, best first. The error lists the unusable ones. It
// may return both.
func (f finder) find(ctx context.Context) ([]binaries, error) {
	var found []binaries
	var faults []error
	for _, dir := range f.dirs() {
		b, err := f.inspect(ctx, dir)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		found = append(found, b)
	}
	return found, errors.Join(faults...)
}

// dirs lists the folders with a server, without symbolic links and duplicates.
func (f finder) dirs() []string {
	dirs := []string{f.only}
	if f.only == "" {
		dirs = filepath.SplitList(f.path)
		for _, glob := range f.globs {
			dirs = append(dirs, newestFirst(glob)...)
		}
	}
	var real []string
	for _, dir := range dirs {
		// A link to postgres may be in another folder than initdb and the shared files.
		server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil && f.only == "" {
			continue
		}
		if err == nil {
			dir = filepath.Dir(server)
		}
		if !slices.Contains(real, dir) {
			real = append(real, dir)
		}
	}
	return real
}

func newestFirst(glob string) []string {
	dirs, _ := filepath.Glob(glob) // the error is for bad patterns only
	before, _, _ := strings.Cut(glob, "*")
	version := func(dir string) int { return firstNumber(dir[len(before):]) }
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return dirs
}

var number = regexp.MustCompile(`\d+`)

func firstNumber(s string) int {
	n, _ := strconv.Atoi(number.FindString(s)) // 0 if there is none
	return n
}

func (f finder) inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if err := f.as.canEnter(dir); err != nil {
		return b, fmt.Errorf("%s cannot be used: %w", dir, err)
	}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return b, fmt.Errorf("%s cannot be used: %w", dir, err)
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return b, fmt.Errorf("%s cannot be used: postgres --version: %w", dir, err)
	}
	b.major = firstNumber(string(out))
	if b.major < minMajor {
		return b, fmt.Errorf("%s cannot be used: %s is older than %d", dir, strings.TrimSpace(string(out)), minMajor)
	}
	return b, nil
}

// pick returns the binaries for a cluster. For a new cluster (major is 0) these are
// the first, for an existing one the first of its major version.
func pick(found []binaries, data string, major int) (binaries, error) {
	at := slices.IndexFunc(found, func(b binaries) bool { return major == 0 || b.major == major })
	switch {
	case at >= 0:
		return found[at], nil
	case len(found) == 0:
		return binaries{}, ErrNoPostgres
	}
	return binaries{}, fmt.Errorf("%s was made by PostgreSQL %d, but this machine has only %v: "+
		"install PostgreSQL %[2]d, or move the folder away to start with an empty one", data, major, found)
}
