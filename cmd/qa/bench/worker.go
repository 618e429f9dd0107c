package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// Each measured program runs in its own process. Renewals have their own program
// beside this one, which links the same packages as billing-renew, because the code
// of a program takes memory too. The other workers are this program with other
// arguments.

var workers = map[string]worker.Worker{
	"serve": serveWorker, "bare": bareWorker, readingTable: tableWorker, readingFeed: feedWorker, pushing: pushWorker, serving: pushingWorker,
	giving: giveWorker,
}

// renewer returns the path of the program for renewals, beside self.
func renewer(self string) string { return filepath.Join(filepath.Dir(self), "renewer") }

// workerCommand returns the command that runs t.
func workerCommand(ctx context.Context, t worker.Task) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "work", string(text))
	if t.Kind == worker.Renewing {
		cmd = exec.CommandContext(ctx, renewer(self), string(text))
	}
	// After an interrupt the worker has time to finish.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

// runWorker runs a worker to its end and returns its result, with the CPU time of
// Postgres.
func runWorker(ctx context.Context, pg *cluster, t worker.Task) (run, error) {
	cmd, err := workerCommand(ctx, t)
	if err != nil {
		return run{}, err
	}
	return runCommand(pg, cmd)
}

// runCommand is runWorker for any program that prints a run as its last line.
func runCommand(pg *cluster, cmd *exec.Cmd) (run, error) {
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return pg.measured(func() (r run, err error) {
		if err := cmd.Run(); err != nil {
			return r, fmt.Errorf("%s: %w: %s", cmd.Args[0], err, tail(stderr.String()))
		}
		if err := json.Unmarshal([]byte(tail(stdout.String())), &r); err != nil {
			return r, fmt.Errorf("%s printed %q: %w", cmd.Args[0], tail(stdout.String()), err)
		}
		return r, nil
	})
}

// server is a worker that serves until it is stopped.
type server struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
}

// startServer starts a worker that prints its address.
func startServer(ctx context.Context, t worker.Task) (*server, error) {
	cmd, err := workerCommand(ctx, t)
	if err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	cmd.Stderr = os.Stderr
	if s.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the server: %w", err), s.stop())
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}

// stop closes the standard input of the server, which makes it end.
func (s *server) stop() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// cpu returns the CPU time of the server.
func (s *server) cpu() (time.Duration, error) {
	d, _, err := cpuOf(s.cmd.Process.Pid)
	return d, err
}
