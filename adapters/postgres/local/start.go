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
	port      = "5432" // part of the socket's name; the server opens no TCP port

	startTimeout = 2 * time.Minute // a crashed cluster first replays its log
	joinTimeout  = 10 * time.Second
	stopTimeout  = 30 * time.Second
	poll         = 5 * time.Millisecond
)

// start starts the server of the folder. No process must be running it.
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
	return s.runAfterOrphans(ctx, bin, as)
}

// runAfterOrphans runs the server. The processes of a killed server end a moment later
// than the server, and Postgres refuses to start before. So it retries for joinTimeout.
func (s *Server) runAfterOrphans(ctx context.Context, bin binaries, as account) error {
	retry, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	for {
		err := s.run(ctx, bin, as)
		if err == nil || !strings.Contains(err.Error(), orphansMessage) || pause(retry, poll) != nil {
			return err
		}
	}
}

// orphansMessage is in the log of Postgres if processes of another server still run.
const orphansMessage = "pre-existing shared memory block"

// binaries returns the binaries for the cluster, from this machine or fetched.
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

// run starts the server and waits until it accepts connections.
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

// settings returns the server's options. Other settings in the cluster's configuration
// file remain in effect.
func (s *Server) settings() []string {
	set := []string{
		"listen_addresses=", `unix_socket_directories="` + s.place.socket() + `"`, "unix_socket_permissions=0700",
		"port=" + port, "max_connections=300", "timezone=UTC", "log_timezone=UTC", "logging_collector=off",
		"log_destination=stderr", "log_checkpoints=off",
	}
	if !s.cfg.Durable {
		// synchronous_commit stays on. Without fsync it costs nothing, and committed
		// data survives kill -9 of the server.
		set = append(set, "fsync=off", "full_page_writes=off", "autovacuum=off",
			"wal_level=minimal", "max_wal_senders=0", "max_wal_size=128MB")
	}
	args := []string{"-D", s.place.data()}
	for _, v := range set {
		args = append(args, "-c", v)
	}
	return args
}

// command returns a command that runs a program of Postgres as the account, without
// the environment variables that would change its behaviour.
func command(program string, as account, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = "/" // the account may not be able to enter the current folder
	cmd.SysProcAttr = as.attr()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	return cmd
}

// notAllowed adds an explanation to the error of a root that may not switch to another
// user, as in some containers.
func notAllowed(err error, as account) error {
	if as.other && errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w: Postgres does not run as root, and this root may not run it as user %s: "+
			"set BILLING_DATABASE_URL to another server, or run this as an ordinary user", err, as.name)
	}
	return err
}
