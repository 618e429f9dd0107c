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
	lingerVariable = "BILLING_PGTEST_LINGER" // holds the folder of the server
	linger         = 10 * time.Second        // longer than the pause between the tests of two packages
)

// init makes this process a keeper if [startKeeper] started it. It runs before flags
// are parsed and never returns to TestMain, so that a keeper runs no tests.
func init() {
	dir := os.Getenv(lingerVariable)
	if dir == "" {
		return
	}
	if err := keep(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keep keeps the server until no other process has used it for a while, and then
// deletes it. If a process joins at the last moment, the server stays and keep starts
// over.
func keep(dir string) error {
	for {
		log, err := os.OpenFile(keeperLog(dir), os.O_RDWR, 0)
		if err != nil {
			return nil // deleted with the server
		}
		if syscall.Flock(int(log.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			return nil // another process is the keeper
		}
		if err := keepOnce(dir, log); err != nil {
			return err
		}
		_ = log.Close()
	}
}

func keepOnce(dir string, log *os.File) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	srv, err := local.Open(ctx, sharedConfig(dir))
	if err != nil {
		return err
	}
	for idle := time.Now(); time.Since(idle) < linger; time.Sleep(100 * time.Millisecond) {
		if replaced(log) {
			break // the server died, and the next one has its own keeper; they must not wait for each other
		}
		if !srv.Alone() {
			idle = time.Now()
		}
	}
	return srv.Close()
}

// replaced reports whether the name of the open file now refers to another file.
func replaced(f *os.File) bool {
	opened, err1 := f.Stat()
	named, err2 := os.Stat(f.Name())
	return err1 != nil || err2 != nil || !os.SameFile(opened, named)
}

func keeperLog(dir string) string { return filepath.Join(dir, "keeper.log") }

// startKeeper starts this binary again as a keeper. The keeper outlives this process,
// and holds no file that `go test` would wait for.
func startKeeper(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(keeperLog(dir))
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
