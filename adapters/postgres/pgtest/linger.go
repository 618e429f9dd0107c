package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/local"
)

const (
	lingerVariable = "BILLING_PGTEST_LINGER" // its value is the server's folder
	linger         = 10 * time.Second        // between the end of one package's tests and the start of the next's
)

// init turns this process into a lingerer when [startLingerer] started it. It
// comes before flags, TestMain and tests, of which there are to be none.
func init() {
	dir := os.Getenv(lingerVariable)
	if dir == "" {
		return
	}
	if err := stay(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// stay keeps the server until nobody else has used it for a while, and deletes
// it then. Somebody who comes at the last moment finds it, and us, still there.
func stay(dir string) error {
	for {
		log, err := os.OpenFile(lingererLog(dir), os.O_RDWR, 0)
		if err != nil {
			return nil // deleted, with the server
		}
		if syscall.Flock(int(log.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			return nil // another stays
		}
		if err := stayOnce(dir, log); err != nil {
			return err
		}
		_ = log.Close()
	}
}

func stayOnce(dir string, log *os.File) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	srv, err := local.Open(ctx, sharedConfig(dir))
	if err != nil {
		return err
	}
	for idle := time.Now(); time.Since(idle) < linger; time.Sleep(100 * time.Millisecond) {
		if replaced(log) {
			break // the server died, and another lingerer came with the next: not to wait for each other
		}
		if !srv.Alone() {
			idle = time.Now()
		}
	}
	return srv.Close()
}

// replaced tells whether the open file is no longer the one of that name.
func replaced(f *os.File) bool {
	opened, err1 := f.Stat()
	named, err2 := os.Stat(f.Name())
	return err1 != nil || err2 != nil || !os.SameFile(opened, named)
}

func lingererLog(dir string) string { return filepath.Join(dir, "lingerer.log") }

// startLingerer starts this binary once more, on its own: it outlives us, and
// holds nothing that `go test` would wait for.
func startLingerer(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(lingererLog(dir))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(self)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), lingerVariable+"="+dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("keep the test server: %w", err)
	}
	return cmd.Process.Release()
}
