package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// What is measured runs in a process of its own, so that its CPU and its memory
// are its own: this program again, told as its second argument, in JSON, what to
// do. It prints one line of JSON.

// task is what a worker is to do.
type task struct {
	Kind        string        `json:"kind"` // see workers
	URL         string        `json:"url"`
	Now         time.Time     `json:"now"`
	Concurrency int           `json:"concurrency,omitempty"`
	Limit       int           `json:"limit,omitempty"`
	Latency     time.Duration `json:"latency,omitempty"`
	Keys        string        `json:"keys,omitempty"` // folder with the key that tokens are signed with
	Vault       vault.Files   `json:"vault"`          // the keys that payment tokens are sealed with
	Profile     string        `json:"profile,omitempty"`
	// What a bare handler answers.
	Plans         string `json:"plans,omitempty"`
	Subscriptions string `json:"subscriptions,omitempty"`
}

// workers are what a task can ask for.
var workers = map[string]func(context.Context, task, io.Writer) error{
	"renew": renewWorker,
	"serve": serveWorker,
	"bare":  bareWorker,
}

func work(ctx context.Context, text string, out io.Writer) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	f, ok := workers[t.Kind]
	if !ok {
		return fmt.Errorf("no worker %q", t.Kind)
	}
	stop, err := profile(t.Profile)
	if err != nil {
		return err
	}
	defer stop()
	return f(ctx, t, out)
}

// open opens the database of a task as the program does that it measures.
func (t task) open(ctx context.Context) (*postgres.Store, *pgxpool.Pool, error) {
	keys, err := vault.Open(t.Vault, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	role := postgres.APIRole
	if t.Kind == "renew" {
		role = postgres.RenewRole
	}
	pool, err := postgres.OpenRole(ctx, t.URL, role)
	if err != nil {
		return nil, nil, err
	}
	return boot.NewStore(pool, keys), pool, nil
}

// worker makes the command that works on t.
func worker(ctx context.Context, t task) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "work", string(text))
	// An interrupt lets it finish; it ends at once if its parent is gone.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

// finish runs a worker to its end and returns what it says, with what Postgres
// used meanwhile.
func finish(ctx context.Context, pg *cluster, t task) (run, error) {
	cmd, err := worker(ctx, t)
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
func serve(ctx context.Context, t task) (*serving, error) {
	cmd, err := worker(ctx, t)
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
