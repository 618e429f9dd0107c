package pgtest

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/local"
)

const (
	urlVariable  = "BILLING_TEST_DATABASE_URL"
	startTimeout = 5 * time.Minute // includes fetching the binaries
)

// shared is the server that this process's tests use.
type shared struct {
	url      string // of its superuser
	template string
	ours     bool // a temporary server, whose data may be lost
}

// server opens the server once for all tests of the process. It stays open until the
// process ends.
var server = sync.OnceValues(func() (shared, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	srv := shared{url: os.Getenv(urlVariable)}
	if srv.url == "" {
		var err error
		if srv.url, err = temporary(ctx); err != nil {
			return srv, err
		}
		srv.ours = true
	}
	var err error
	if srv.template, err = makeTemplate(ctx, srv.url); err != nil {
		return srv, fmt.Errorf("template: %w", err)
	}
	return srv, nil
})

// temporary opens the server that all test processes of this user share.
func temporary(ctx context.Context) (string, error) {
	dir, err := sharedDir()
	if err != nil {
		return "", err
	}
	srv, err := local.Open(ctx, sharedConfig(dir))
	if err != nil {
		return "", err
	}
	if srv.Started() {
		if err := startKeeper(dir); err != nil {
			return "", err
		}
	}
	openServer = srv
	return srv.URL(), nil
}

// openServer keeps the server open until the process ends, because the garbage
// collector closes files without references.
var openServer *local.Server //nolint:unused // it only holds a reference

func sharedConfig(dir string) local.Config {
	return local.Config{Dir: dir, Ephemeral: true, Download: true, Announce: announce}
}

// announce shows the developer why the first test is slow.
func announce(line string) { fmt.Fprintln(os.Stderr, "pgtest:", line) }

// sharedDir returns the folder of the shared server, which depends on the user and the
// chosen binaries. Its parent is open to all users, so it fails if another user has
// created the folder.
func sharedDir() (string, error) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(os.Getenv("PG_BIN")))
	dir := filepath.Join(scratch(), fmt.Sprintf("billing-test-%d-%x", os.Geteuid(), h.Sum32()))
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || ok && int(st.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to another user: remove it, or set TMPDIR to a folder of your own", dir)
	}
	return dir, os.Chmod(dir, 0o711) // regardless of the umask, because root's server runs as another user
}

// minFree is the number of bytes that tests may need for their databases.
const minFree = 512 << 20

// scratch returns a folder in memory if that has minFree bytes, or else one on disk.
// Containers often have too little memory for it.
func scratch() string {
	const memory = "/dev/shm"
	var st syscall.Statfs_t
	if err := syscall.Statfs(memory, &st); err == nil && uint64(st.Bavail)*uint64(st.Bsize) > minFree {
		return memory
	}
	return os.TempDir()
}
