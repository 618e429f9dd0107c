// Package worker is what the processes share that are measured. Each is told in one
// argument, in JSON, what to do, and prints one line of JSON: its CPU and its
// memory are its own.
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

// Task is what a worker is to do.
type Task struct {
	Kind        string        `json:"kind"` // names one of the workers of [Do]
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

// Renewing is the kind of the tasks that a program of its own works on.
const Renewing = "renew"

// Worker works on tasks of one kind.
type Worker func(context.Context, Task, io.Writer) error

// Do has a task in JSON done by the worker of its kind.
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

// Open opens the database of a task, with the rights of the program that is measured.
func (t Task) Open(ctx context.Context, role string) (*postgres.Store, *pgxpool.Pool, error) {
	keys, err := vault.Open(t.Vault, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	pool, err := postgres.OpenRole(ctx, t.URL, role)
	if err != nil {
		return nil, nil, err
	}
	return boot.NewStore(pool, keys), pool, nil
}

// profile writes a CPU profile to a file until the returned function is called.
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
