package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	superuser = "postgres"
	port      = "5432" // only the name of the socket: no TCP port is opened

	startTimeout = 2 * time.Minute // a crashed cluster replays its log first
	joinTimeout  = 10 * time.Second
	stopTimeout  = 30 * time.Second
	poll         = 5 * time.Millisecond
)

// start runs the server of this folder, which nobody runs.
func (s *Server) start(ctx context.Context) error {
	as, err := serverAccount()
	if err != nil {
		return err
	}
	if err := as.canEnter(s.place.dir); err != nil {
		return fmt.Errorf("%w: open it (chmod o+x) or choose another folder", err)
	}
	if err := s.place.waitStopped(stopTimeout); err != nil {
		return err
	}
	if s.cfg.Ephemeral {
		if err := s.place.makeEphemeral(); err != nil {
			return err
		}
	}
	bin, err := s.binaries(ctx, as)
	if err != nil {
		return err
	}
	if err := s.initialize(ctx, bin, as); err != nil {
		return err
	}
	if err := as.makeDir(s.place.socket()); err != nil {
		return err
	}
	return s.runOnceAlone(ctx, bin, as)
}

// runOnceAlone runs the server. What a server that was killed leaves behind notices
// that a moment later, and no other server starts before.
func (s *Server) runOnceAlone(ctx context.Context, bin binaries, as account) error {
	patience, done := context.WithTimeout(ctx, joinTimeout)
	defer done()
	for {
		err := s.run(ctx, bin, as)
		if err == nil || !strings.Contains(err.Error(), orphans) || pause(patience, poll) != nil {
			return err
		}
	}
}

// orphans is what Postgres says while processes of another server live on.
const orphans = "pre-existing shared memory block"

// binaries are those that fit the cluster, from this machine or fetched.
func (s *Server) binaries(ctx context.Context, as account) (binaries, error) {
	major, err := s.place.dataMajor()
	if err != nil {
		return binaries{}, err
	}
	look := newFinder(as)
	found, faults := look.find(ctx)
	bin, err := pick(found, s.place.data(), major)
	if err == nil {
		return bin, nil
	}
	if s.cfg.Download && look.only == "" && (major == 0 || major == fetchedMajor) {
		bin, fault := s.fetch(ctx, look)
		if fault == nil {
			return bin, nil
		}
		faults = errors.Join(faults, fault)
	}
	return bin, errors.Join(err, faults)
}

// run starts the server and waits until it takes connections.
func (s *Server) run(ctx context.Context, bin binaries, as account) error {
	log, err := os.OpenFile(s.place.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	r, w, err := newPipe(s.place.alive())
	if err != nil {
		return err
	}
	cmd := command(bin.path("postgres"), as, s.settings()...)
	cmd.Stdout, cmd.Stderr = log, log
	child, err := tie(cmd, syscall.SIGINT, r, w) // SIGINT: fast shutdown
	if err != nil {
		return errors.Join(notAllowed(err, as), r.Close(), w.Close())
	}
	if err := s.place.waitReady(ctx, child); err != nil {
		_ = w.Close()
		<-child.Done()
		return err
	}
	s.alive = w
	return nil
}

// settings are the server's options. What a configuration file in the cluster
// says about other things stays in force.
func (s *Server) settings() []string {
	set := []string{
		"listen_addresses=", `unix_socket_directories="` + s.place.socket() + `"`, "unix_socket_permissions=0700",
		"port=" + port, "max_connections=300", "timezone=UTC", "log_timezone=UTC", "logging_collector=off",
		"log_destination=stderr", "log_checkpoints=off",
	}
	if !s.cfg.Durable {
		// synchronous_commit stays on: without fsync it costs nothing, and what
		// was committed is still there after kill -9 of the server.
		set = append(set, "fsync=off", "full_page_writes=off", "autovacuum=off",
			"wal_level=minimal", "max_wal_senders=0", "max_wal_size=128MB")
	}
	args := []string{"-D", s.place.data()}
	for _, v := range set {
		args = append(args, "-c", v)
	}
	return args
}

// command runs a program of Postgres as the account, with nothing of the
// caller's surroundings that would change what it does.
func command(program string, as account, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = "/" // the current folder may be closed to the account
	cmd.SysProcAttr = as.attr()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	return cmd
}

// notAllowed explains a root that may not become another user, as in some
// containers.
func notAllowed(err error, as account) error {
	if as.other && errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w: Postgres does not run as root, and this root may not run it as %s; "+
			"set BILLING_DATABASE_URL to a server that runs elsewhere, or start this as an ordinary user", err, as.name)
	}
	return err
}
