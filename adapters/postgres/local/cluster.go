package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dataMajor returns the major version of the Postgres that made the cluster, or 0 if
// there is no cluster.
func (p place) dataMajor() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s is not a Postgres cluster of version 10 or later: PG_VERSION %q", p.data(), text)
	}
	return major, nil
}

// initialize creates the cluster if it is missing. It renames the complete cluster
// into place. An interrupted initdb leaves data.new, which the next call removes.
func (s *Server) initialize(ctx context.Context, bin binaries, as account) error {
	if major, err := s.place.dataMajor(); err != nil || major != 0 {
		return err
	}
	fresh := s.place.newData()
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := as.makeDir(fresh); err != nil {
		return err
	}
	if err := s.initdb(ctx, bin, as); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, s.place.data()); err != nil {
		return fmt.Errorf("%w: remove the file or folder of that name", err)
	}
	return nil
}

func (s *Server) initdb(ctx context.Context, bin binaries, as account) error {
	args := []string{
		"--pgdata", s.place.newData(), "--username", superuser, "--auth", "trust",
		"--encoding", "UTF8", "--data-checksums",
	}
	args = append(args, locale(bin.major)...)
	if !s.cfg.Durable {
		args = append(args, "--no-sync")
	}
	var output strings.Builder
	cmd := command(bin.path("initdb"), as, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	child, err := Tie(cmd, syscall.SIGTERM)
	if err != nil {
		return notAllowed(err, as)
	}
	select {
	case <-child.Done():
	case <-ctx.Done():
		return errors.Join(ctx.Err(), child.Stop(ctx))
	}
	if err := child.Wait(); err != nil {
		return fmt.Errorf("initdb (%v): %w: %s", bin, err, lastLines(output.String()))
	}
	return nil
}

// locale returns arguments of initdb that make text sort by code point on every
// system. Since version 17 Postgres has its own tables of Unicode letters. Earlier
// versions use those of the system, which macOS does not have.
func locale(major int) []string {
	switch {
	case major >= 17:
		return []string{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	case runtime.GOOS == "darwin":
		return []string{"--locale=C"}
	default:
		return []string{"--locale=C.UTF-8"}
	}
}

// waitReady waits until the child accepts connections.
func (p place) waitReady(ctx context.Context, child *Child) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if pid, state := p.postmaster(); pid == child.Pid() && state == "ready" {
			return nil
		}
		select {
		case <-child.Done():
			return fmt.Errorf("postgres did not start: %w: %s", child.Wait(), p.lastLog())
		case <-ctx.Done():
			return fmt.Errorf("postgres is not ready: %w: %s", ctx.Err(), p.lastLog())
		case <-time.After(poll):
		}
	}
}

// waitStopped waits until no server uses the cluster. The server of a killed process
// needs a moment to end.
func (p place) waitStopped(limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(poll) {
		pid, _ := p.postmaster()
		switch {
		case pid == 0 || !isAlive(pid):
			return nil
		case !isServer(pid):
			return p.removePIDFile()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another Postgres uses %s: stop process %d first", p.data(), pid)
		}
	}
}

// postmaster reads the server's process id and state from postmaster.pid. The id is 0
// if the file is missing or incomplete.
func (p place) postmaster() (pid int, state string) {
	text, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		return 0, ""
	}
	lines := strings.Split(string(text), "\n")
	pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if len(lines) >= 8 {
		state = strings.TrimSpace(lines[7])
	}
	return pid, state
}

// removePIDFile removes the postmaster.pid of a server that died. If another process
// has its id by now, Postgres would mistake that process for the server.
func (p place) removePIDFile() error {
	err := os.Remove(filepath.Join(p.data(), "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (p place) lastLog() string {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text))
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
