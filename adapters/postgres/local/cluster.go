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

// dataMajor is the version of Postgres that made the cluster, 0 without one.
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

// initialize makes the cluster when there is none. It appears whole or not at
// all: an initdb that was cut short leaves data.new, which the next one
// removes.
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
		return fmt.Errorf("%w: is something else in the way?", err)
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

// locale makes text sort by code point on every system. From 17 on Postgres
// itself knows the letters of Unicode then, before that the system has to, and
// macOS does not.
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

// waitReady waits until the child takes connections.
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

// waitStopped waits until no server works on the cluster. One that a process
// left behind when it was killed needs a moment.
func (p place) waitStopped(limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(poll) {
		pid, _ := p.postmaster()
		switch {
		case pid == 0 || !isAlive(pid):
			return nil
		case !isServer(pid):
			return p.forget()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("a Postgres that is not ours works on %s: stop it (process %d) first", p.data(), pid)
		}
	}
}

// postmaster reads who the server is and how far it is from postmaster.pid. A
// file that is missing or half written yet is nobody.
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

// forget removes the postmaster.pid of a server that died and whose number
// another process has by now, which Postgres would take for the server.
func (p place) forget() error {
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
