package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	queue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// renewal is the job for one renewal.
type renewal struct {
	Due due `json:"due"`
}

// Kind implements river.JobArgs.
func (renewal) Kind() string { return "renewal" }

// worker charges, and stores the outcome in one transaction with the completion of
// the job.
type worker struct {
	queue.WorkerDefaults[renewal]
	pool    *pgxpool.Pool
	now     time.Time
	latency time.Duration
}

func (w *worker) Work(ctx context.Context, job *queue.Job[renewal]) error {
	charge(w.latency)
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		if err := record(ctx, tx, job.Args.Due, w.now); err != nil {
			return err
		}
		_, err := queue.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}

// river inserts a job for each due subscription in batches, and works on the jobs.
// The time of its migrations and of the start of its client does not count.
func river(ctx context.Context, t task, pool *pgxpool.Pool) (result, error) {
	driver := riverpgxv5.New(pool)
	log := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: log})
	if err != nil {
		return result{}, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return result{}, err
	}
	workers := queue.NewWorkers()
	queue.AddWorker(workers, &worker{pool: pool, now: t.Now, latency: t.Latency})
	client, err := queue.NewClient(driver, &queue.Config{
		Queues: map[string]queue.QueueConfig{queue.QueueDefault: {MaxWorkers: t.Concurrency}},
		// The smallest allowed values, so that it does not wait between fetches.
		FetchCooldown: time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
		Workers: workers, Logger: log,
	})
	if err != nil {
		return result{}, err
	}
	done, stop := client.SubscribeConfig(&queue.SubscribeConfig{
		ChanSize: t.Due + 1, Kinds: []queue.EventKind{queue.EventKindJobCompleted, queue.EventKindJobFailed},
	})
	defer stop()
	if err := client.Start(ctx); err != nil {
		return result{}, err
	}
	m := start()
	if err := insert(ctx, t, pool, client); err != nil {
		return result{}, err
	}
	for n := range t.Due {
		if e := <-done; e.Kind != queue.EventKindJobCompleted {
			return result{}, fmt.Errorf("job %d failed: %+v", n, e.Job.Errors)
		}
	}
	r := m.stop(t.Due)
	return r, client.Stop(ctx)
}

func insert(ctx context.Context, t task, pool *pgxpool.Pool, client *queue.Client[pgx.Tx]) error {
	rows, err := pool.Query(ctx, selectDue, t.Now)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[due])
	if err != nil {
		return err
	}
	const most = 1000
	for from := 0; from < len(all); from += most {
		var jobs []queue.InsertManyParams
		for _, d := range all[from:min(from+most, len(all))] {
			jobs = append(jobs, queue.InsertManyParams{Args: renewal{d}})
		}
		if _, err := client.InsertManyFast(ctx, jobs); err != nil {
			return err
		}
	}
	return nil
}
