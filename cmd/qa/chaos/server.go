package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/local"
)

// server is a Postgres server that scenarios may crash and restart.
type server struct {
	cfg local.Config
	url func(database string) string

	mu       sync.Mutex
	instance *local.Server
}

// startServer starts a server in a new folder under dir. A durable one syncs each commit.
func startServer(ctx context.Context, dir string, durable bool) (*server, error) {
	dir, err := os.MkdirTemp(dir, "pg-")
	if err == nil {
		err = os.Chmod(dir, 0o711) // as root, the server runs under another account
	}
	if err != nil {
		return nil, err
	}
	s := &server{cfg: local.Config{Dir: dir, Durable: durable, Download: true}}
	return s, s.start(ctx)
}

func (s *server) start(ctx context.Context) error {
	opened, err := local.Open(ctx, s.cfg)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instance, s.url = opened, opened.DatabaseURL
	return nil
}

// stop stops the server and deletes its data.
func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.instance.Close()
	_ = os.RemoveAll(s.cfg.Dir)
}

// restart stops the server immediately, without a checkpoint, and starts it again. The
// server recovers from its log.
func (s *server) restart(ctx context.Context) error {
	if err := s.crash(syscall.SIGQUIT); err != nil {
		return err
	}
	return s.start(ctx)
}

// crash ends the server with a signal and waits until it has ended.
func (s *server) crash(with syscall.Signal) error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, with); err != nil {
		return fmt.Errorf("signal the postmaster: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instance.Close() // waits until the server has ended
}

// pid returns the process id of the postmaster.
func (s *server) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(line)
}

func (s *server) dataDir() string { return filepath.Join(s.cfg.Dir, "data") }

// exec runs each statement on a database, outside a transaction, and joins their errors.
func (s *server) exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.url(database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var errs []error
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", sql, err))
		}
	}
	return errors.Join(errs...)
}
