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

// What is measured runs in a process of its own. A run of renewals is a program
// beside this one, which has nothing in it that billing-renew has not: what a
// program is made of takes memory, too. The others are this program again.

// workers are what this program can be asked for.
var workers = map[string]worker.Worker{"serve": serveWorker, "bare": bareWorker}

func renewer(self string) string { return filepath.Join(filepath.Dir(self), "renewer") }

// command makes the command that works on t.
func command(ctx context.Context, t worker.Task) (*exec.Cmd, error) {
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
	// An interrupt lets it finish; it ends at once if its parent is gone.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

// finish runs a worker to its end and returns what it says, with what Postgres
// used meanwhile.
func finish(ctx context.Context, pg *cluster, t worker.Task) (run, error) {
	cmd, err := command(ctx, t)
	if err != nil {
		return run{}, err
	}
	return finishCommand(pg, cmd)
}

// finishCommand is finish for any program that prints a run as its last line.
func finishCommand(pg *cluster, cmd *exec.Cmd) (run, error) {
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	before, err := clusterCPU(pg.pid)
	if err != nil {
		return run{}, err
	}
	if err := cmd.Run(); err != nil {
		return run{}, fmt.Errorf("%s: %w: %s", cmd.Args[0], err, tail(stderr.String()))
	}
	after, err := clusterCPU(pg.pid)
	if err != nil {
		return run{}, err
	}
	var r run
	if err := json.Unmarshal([]byte(tail(stdout.String())), &r); err != nil {
		return run{}, fmt.Errorf("%s said %q: %w", cmd.Args[0], tail(stdout.String()), err)
	}
	r.Server, r.Load = after-before, load()
	return r, nil
}

// serving is a worker that serves until it is stopped.
type serving struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
}

// serve starts a worker that says where it listens.
func serve(ctx context.Context, t worker.Task) (*serving, error) {
	cmd, err := command(ctx, t)
	if err != nil {
		return nil, err
	}
	s := &serving{cmd: cmd}
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
		return nil, errors.Join(fmt.Errorf("the server did not start: %w", err), s.stop())
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}

// stop ends it: it serves for as long as its standard input is open.
func (s *serving) stop() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// cpu is what it has used so far.
func (s *serving) cpu() (time.Duration, error) {
	d, _, err := cpuOf(s.cmd.Process.Pid)
	return d, err
}
