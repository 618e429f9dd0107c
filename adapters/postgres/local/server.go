package local

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Config selects a server and its options.
type Config struct {
	Dir       string       // folder of all files; "" means [DefaultDir]
	Durable   bool         // data survives a power cut, not only the end of any process
	Ephemeral bool         // the folder must be empty; the last process to close the server deletes it
	Download  bool         // get binaries if the machine has none: with npm, or as root with apt-get
	Announce  func(string) // receives a line about each action that is slow or changes the machine; may be nil
}

// A Server is a Postgres that this process has open, and may share with others.
type Server struct {
	cfg     Config
	place   place
	users   *os.File // locked shared
	alive   *os.File // the server runs while a process has this open
	started bool

	closing sync.Once
	closed  error
}

// Open starts the server of cfg.Dir, or joins it if another process has it open. It
// creates the database billing if that is missing. The server runs until the last of
// these processes closes it or ends.
//
// The error is [ErrNoPostgres] if the machine has no binaries, and they cannot or must
// not be fetched.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("local postgres: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, cfg Config) (*Server, error) {
	p, lock, err := enter(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()

	s := &Server{cfg: cfg, place: p}
	if s.users, err = flock(ctx, p.users(), syscall.LOCK_SH); err != nil {
		return nil, err
	}
	if err := s.joinOrStart(ctx); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	if err := s.createDatabase(ctx, "billing"); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	return s, nil
}

func (s *Server) joinOrStart(ctx context.Context) error {
	if s.join(ctx) {
		return nil
	}
	s.started = true
	return s.start(ctx)
}

// join joins the server of the folder, and reports whether one runs.
func (s *Server) join(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	w, err := openPipe(s.place.alive())
	if err != nil {
		return false // no reader, so no server, or the server is stopping
	}
	if s.place.hasReader(ctx, w) && s.serves(ctx) {
		s.alive = w
		return true
	}
	_ = w.Close()
	return false
}

// serves reports whether the server responds, even if it has no free connection.
func (s *Server) serves(ctx context.Context) bool {
	conn, err := pgx.Connect(ctx, s.DatabaseURL("postgres"))
	if err != nil {
		return isCode(err, "53300") // too_many_connections
	}
	_ = conn.Close(ctx)
	return true
}

func isCode(err error, code string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == code
}

// URL returns the superuser's URL of the database billing. It is the same at every
// start of the server.
func (s *Server) URL() string { return s.DatabaseURL("billing") }

// DatabaseURL returns the superuser's URL of another database of the server. The
// database need not exist.
func (s *Server) DatabaseURL(name string) string {
	q := url.Values{"host": {s.place.socket()}, "port": {port}, "user": {superuser}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", Path: "/" + name, RawQuery: q.Encode()}).String()
}

// Started reports whether this process started the server.
func (s *Server) Started() bool { return s.started }

func (s *Server) createDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.DatabaseURL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if isCode(err, "42P04") || isCode(err, "25006") { // duplicate_database; read-only, because a standby has the databases of its primary
		return nil
	}
	return err
}

// Alone reports whether no other process has the server open at the moment.
func (s *Server) Alone() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	lock, err := flock(ctx, s.place.lock(), syscall.LOCK_EX)
	if err != nil {
		return false // another process is starting, joining or leaving
	}
	defer func() { _ = lock.Close() }()
	return s.alone()
}

// alone must be called with the folder's lock held. The kernel releases a shared lock
// before it makes it exclusive, and a failure leaves no lock.
func (s *Server) alone() bool {
	err := tryLock(s.users, syscall.LOCK_EX)
	return tryLock(s.users, syscall.LOCK_SH) == nil && err == nil
}

// Close leaves the server. The last process to leave stops the server, which ends all
// connections, and waits until it has stopped. Until then the server serves the other
// processes, even if this process started it. Further calls do nothing.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	lock, err := flock(ctx, s.place.lock(), syscall.LOCK_EX)
	if err != nil {
		return errors.Join(err, s.alive.Close(), s.users.Close())
	}
	defer func() { _ = lock.Close() }()
	return s.leave()
}

// leave must be called with the folder's lock held.
func (s *Server) leave() error {
	last := s.alone()
	var err error
	if s.alive != nil { // nil if the server did not start
		err = s.alive.Close()
	}
	if s.alive != nil && last {
		err = errors.Join(err, s.place.waitStopped(stopTimeout))
	}
	if last && s.cfg.Ephemeral {
		err = errors.Join(err, s.place.remove())
	}
	return errors.Join(err, s.users.Close())
}

func (s *Server) announce(format string, args ...any) {
	if s.cfg.Announce != nil {
		s.cfg.Announce(fmt.Sprintf(format, args...))
	}
}
