// Package worker has the code that the measured processes share. Each process
// receives a Task in JSON as its only argument and prints one line: its result in
// JSON, or the address of its server. A process of its own has its own CPU time and
// memory.
package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// Task configures a worker.
type Task struct {
	Kind        string        `json:"kind"` // name of a worker of [Do]
	URL         string        `json:"url"`
	Now         time.Time     `json:"now"`
	Concurrency int           `json:"concurrency,omitempty"`
	Limit       int           `json:"limit,omitempty"`
	Latency     time.Duration `json:"latency,omitempty"`
	Keys        string        `json:"keys,omitempty"` // folder with the key that signs access tokens
	Vault       vault.Files   `json:"vault"`          // the keys that encrypt payment tokens
	Profile     string        `json:"profile,omitempty"`
	Source      string        `json:"source,omitempty"` // of a make-good
	// The response bodies of a bare handler.
	Plans         string `json:"plans,omitempty"`
	Subscriptions string `json:"subscriptions,omitempty"`
}

// Renewing is the kind of the tasks of the renewer, a separate program.
const Renewing = "renew"

// Worker runs tasks of one kind.
type Worker func(context.Context, Task, io.Writer) error

// Do decodes a task and calls the worker of its kind.
func Do(ctx context.Context, workers map[string]Worker, text string, out io.Writer) error {
	var t Task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	work, ok := workers[t.Kind]
	if !ok {
		return fmt.Errorf("no worker %q", t.Kind)
	}
	stop, err := profile(t.Profile)
	if err != nil {
		return err
	}
	defer stop()
	return work(ctx, t, out)
}

// Open opens the database of a task with the rights of role.
func (t Task) Open(ctx context.Context, role string) (*postgres.Store, *pgxpool.Pool, error) {
	keys, err := vault.Open(t.Vault, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	pool, err := postgres.OpenRole(ctx, t.URL, role)
	if err != nil {
		return nil, nil, err
	}
	return boot.NewStore(pool, boot.Keys{Cards: keys, Tokens: keys}), pool, nil
}

// profile writes a CPU profile to a file until stop is called.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
