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
	startTimeout = 5 * time.Minute // binaries may have to be fetched first
)

// shared is the server that this process's tests use.
type shared struct {
	url      string // of its superuser
	template string
	ours     bool // nobody minds what we do to it
}

// server finds the server once for all tests of the process. Nobody closes it:
// the end of the process does.
var server = sync.OnceValues(func() (shared, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	srv := shared{url: os.Getenv(urlVariable)}
	if srv.url == "" {
		var err error
		if srv.url, err = throwAway(ctx); err != nil {
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

// throwAway opens the server that all test processes of this user share.
func throwAway(ctx context.Context) (string, error) {
	dir, err := sharedDir()
	if err != nil {
		return "", err
	}
	srv, err := local.Open(ctx, sharedConfig(dir))
	if err != nil {
		return "", err
	}
	if srv.Started() {
		if err := startLingerer(dir); err != nil {
			return "", err
		}
	}
	held = srv
	return srv.URL(), nil
}

// held keeps the server open for as long as the process lives: a file that is
// garbage is closed.
var held *local.Server //nolint:unused // to be held is its use

func sharedConfig(dir string) local.Config {
	return local.Config{Dir: dir, Ephemeral: true, Download: true, Announce: announce}
}

// announce tells the developer why the first test takes its time.
func announce(line string) { fmt.Fprintln(os.Stderr, "pgtest:", line) }

// sharedDir is the folder of the shared server: one for each user and choice
// of binaries. In a folder for everybody somebody else may have made it.
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
		return "", fmt.Errorf("%s belongs to somebody else: remove it, or set TMPDIR to a folder of your own", dir)
	}
	return dir, os.Chmod(dir, 0o711) // whatever the umask: root's server runs as somebody else
}

// room is the free memory that tests may need for their databases.
const room = 512 << 20

// scratch is a folder in memory where there is one with enough room. Containers
// often have one with too little.
func scratch() string {
	const memory = "/dev/shm"
	var st syscall.Statfs_t
	if err := syscall.Statfs(memory, &st); err == nil && uint64(st.Bavail)*uint64(st.Bsize) > room {
		return memory
	}
	return os.TempDir()
}
