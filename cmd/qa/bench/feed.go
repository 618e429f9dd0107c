package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/httpapi"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/feed"
)

// The kinds of the tasks that read the events of a run.
const (
	readingTable = "table"
	readingFeed  = "feed"
	pushing      = "push"
	serving      = "push until stopped"
)

// feedPart measures F1 and F2: the events of a run are read by the feed, compared with the
// same rows read from the table, and delivered as webhooks in little memory.
func feedPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "The events of a run, by the feed and as webhooks"}
	s.Table.Head = []string{"", "events", "events/s", "CPU of the reader, µs", "CPU of Postgres, µs", "peak RSS, MB"}
	raw := map[string][]run{}
	err := e.withDataset(ctx, population{e.Rows, 1}, "feed", func(d *dataset) error {
		r, err := startReceiver()
		if err != nil {
			return err
		}
		defer func() { _ = r.server.Close() }()
		since, due := time.Now(), min(100_000, e.Rows/2)
		if _, err := e.renew(ctx, d, renewal{due: due, concurrency: concurrency}); err != nil {
			return err
		}
		read := func(kind string) runner {
			return func(ctx context.Context) (run, error) {
				return runWorker(ctx, d.pg, worker.Task{Kind: kind, URL: d.url(), Vault: d.pg.vault, Now: since, Limit: due})
			}
		}
		pairs, err := e.pairs(ctx, read(readingTable), read(readingFeed))
		if err != nil {
			return err
		}
		for range 3 {
			if err := d.addEndpoint(ctx, r, since); err != nil {
				return err
			}
			pushed, err := e.watch(func() (run, error) { return read(pushing)(ctx) })
			if err != nil {
				return err
			}
			if n := r.received.Swap(0); n < int64(due) {
				return fmt.Errorf("the receiver got %d of %d events", n, due)
			}
			raw[pushing] = append(raw[pushing], pushed)
		}
		raw[readingTable], raw[readingFeed] = bases(pairs), subjects(pairs)
		for _, kind := range []string{readingTable, readingFeed, pushing} {
			runs := raw[kind]
			s.Table.add(kind, fmt.Sprint(due), rates(runs).String(), figure(clientCPU(runs)), figure(postgresCPU(runs)), figure(median(rssOf(runs))))
		}
		s.Targets = []target{
			atLeast("F1", "events/s by the feed over those from the table", 0.50, ratio(pairs)),
			atMost("F2", fmt.Sprintf("peak RSS while %d events are delivered as webhooks", due), 64, " MB", spreadOf(rssOf(raw[pushing]))),
		}
		return nil
	})
	s.Notes = []string{"The receiver of the webhooks does nothing, and uses the same CPUs. Each webhook is a request."}
	s.Raw = raw
	return s, err
}

// endpointPart measures E1 and E2: renewals while the events of the run are delivered to an
// endpoint by another process on the same machine.
func endpointPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Renewals while an endpoint is served"}
	s.Table.Head = []string{"", "renewals/s", "CPU of the client, µs", "CPU of Postgres, µs", "delivered during the run"}
	r, err := startReceiver()
	if err != nil {
		return s, err
	}
	defer func() { _ = r.server.Close() }()
	raw := map[string][]pair{}
	for i, c := range []renewal{
		{due: 2 * e.Due, concurrency: concurrency}, // several times as long as an endpoint rests
		{due: e.Due, concurrency: 1024, latency: 200 * time.Millisecond},
	} {
		id, ms := fmt.Sprint("E", i+1), c.latency.Milliseconds()
		err := e.withDataset(ctx, population{e.Rows, 1}, "endpoint", func(d *dataset) error {
			pairs, delivered, err := e.endpointPairs(ctx, d, r, c)
			if err != nil {
				return err
			}
			add := func(name, share string, runs []run) {
				s.Table.add(fmt.Sprintf("payment system %d ms, %s", ms, name), rates(runs).String(), figure(clientCPU(runs)), figure(postgresCPU(runs)), share)
			}
			add("without an endpoint", "", bases(pairs))
			add("with an endpoint", fmt.Sprintf("%.0f %%", 100*median(delivered)), subjects(pairs))
			s.Targets = append(s.Targets, atLeast(id, fmt.Sprintf("renewals/s with an endpoint over those without, payment system %d ms", ms), 0.92, ratio(pairs)))
			raw[id] = pairs
			return nil
		})
		if err != nil {
			return s, err
		}
	}
	s.Notes = []string{"The process that delivers and the receiver use the same CPUs as the renewals."}
	s.Raw = raw
	return s, nil
}

// endpointPairs measures renewals without and with an endpoint. delivered are the shares of
// the events that the endpoint received before the end of the run.
func (e *env) endpointPairs(ctx context.Context, d *dataset, r *fastReceiver, c renewal) (pairs []pair, delivered []float64, err error) {
	renew := func(ctx context.Context) (run, error) { return e.renew(ctx, d, c) }
	pairs, err = e.pairs(ctx, renew, func(ctx context.Context) (done run, err error) {
		err = d.whileServed(ctx, r, func() error {
			done, err = renew(ctx)
			delivered = append(delivered, float64(r.received.Swap(0))/float64(c.due))
			return err
		})
		return done, err
	})
	return pairs, delivered, err
}

// whileServed calls f while a process delivers the events to a new endpoint.
func (d *dataset) whileServed(ctx context.Context, r *fastReceiver, f func() error) (err error) {
	if err := d.addEndpoint(ctx, r, time.Now()); err != nil {
		return err
	}
	s, err := startServer(ctx, worker.Task{Kind: serving, URL: d.url(), Vault: d.pg.vault, Now: time.Now()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return f()
}

// fastReceiver counts webhooks.
type fastReceiver struct {
	server   *http.Server
	url      string
	received atomic.Int64
}

func startReceiver() (*fastReceiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &fastReceiver{url: "http://" + l.Addr().String()}
	r.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		r.received.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

// addEndpoint replaces the endpoint of the dataset by one that has received nothing since a
// time.
func (d *dataset) addEndpoint(ctx context.Context, r *fastReceiver, since time.Time) error {
	const id = "00000000-0000-7000-8000-000000000001"
	secret, err := billing.NewWebhookSecret(make([]byte, 32))
	if err != nil {
		return err
	}
	return d.pg.exec(ctx, d.name, "DELETE FROM deliveries", "DELETE FROM endpoint_secrets", "DELETE FROM endpoints",
		fmt.Sprintf("INSERT INTO endpoints (id, url, types, added_at, since, reached_at) SELECT '%s', '%s', '{}', t, t, t FROM (SELECT '%s'::timestamptz AS t) s",
			id, r.url, since.UTC().Format(time.RFC3339Nano)),
		fmt.Sprintf("INSERT INTO endpoint_secrets (endpoint_id, id, secret, added_at) VALUES ('%s', '%s', '%s', now())", id, id, secret.Reveal()))
}

// measureEvents measures f, which returns the number of events that it has read.
func measureEvents(ctx context.Context, t worker.Task, out io.Writer, f func(*postgres.Store, *pgxpool.Pool) (int, error)) error {
	boot.TuneForLatency()
	store, pool, err := t.Open(ctx, postgres.APIRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := pool.Ping(ctx); err != nil {
		return err
	}
	begin, cpu := time.Now(), worker.CPU()
	n, err := f(store, pool)
	if err != nil {
		return err
	}
	if n < t.Limit {
		return fmt.Errorf("%d of %d events", n, t.Limit)
	}
	return json.NewEncoder(out).Encode(worker.Result{Items: n, Elapsed: time.Since(begin), ClientCPU: worker.CPU() - cpu, RSS: worker.PeakRSS()})
}

// tableWorker reads the events since a time from the table, with the subjects that the feed
// delivers.
func tableWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	return measureEvents(ctx, t, out, func(_ *postgres.Store, pool *pgxpool.Pool) (n int, err error) {
		rows, err := pool.Query(ctx, `
			SELECT e.*, (SELECT u.subject FROM users u WHERE u.id = e.user_id) FROM events e WHERE e.id >= $1 ORDER BY e.xact, e.id`, billing.FirstIDAt(t.Now))
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			if _, err := rows.Values(); err != nil { // decoded, as the feed decodes them
				return n, err
			}
			n++
		}
		return n, rows.Err()
	})
}

// feedPage is the size of a page for services that catch up.
const feedPage = 5000

// feedWorker reads the events since a time by the feed.
func feedWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	return measureEvents(ctx, t, out, func(store *postgres.Store, _ *pgxpool.Pool) (n int, err error) {
		f := feed.Feed{Store: store}
		for q := (feed.Query{Since: t.Now, Limit: feedPage}); n < t.Limit; {
			page, err := f.Page(ctx, q)
			if err != nil {
				return n, err
			}
			n += len(page.Events)
			q = feed.Query{After: page.Next, Limit: feedPage}
		}
		return n, nil
	})
}

// pushWorker delivers the events to the endpoint of the dataset, like billing-api.
func pushWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	return measureEvents(ctx, t, out, func(store *postgres.Store, _ *pgxpool.Pool) (int, error) {
		p, delivered := newPusher(store)
		for delivered.Load() < int64(t.Limit) {
			before := delivered.Load()
			if _, err := pushBatch(ctx, p); err != nil {
				return int(before), err
			}
			if delivered.Load() == before {
				return int(before), errors.New("a batch delivered nothing")
			}
		}
		return int(delivered.Load()), nil
	})
}

// pushingWorker delivers events, like billing-api, until its standard input ends.
func pushingWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	boot.TuneForLatency()
	store, pool, err := t.Open(ctx, postgres.APIRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	p, _ := newPusher(store)
	p.Idle = pushInterval
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	for ctx.Err() == nil {
		pushed, err := pushBatch(ctx, p)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if pushed {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pushInterval):
		}
	}
	return nil
}

// pushInterval is the interval at which billing-api looks for work when there is none.
const pushInterval = time.Second

// newPusher returns the pusher of billing-api, and the number of events that it has delivered.
func newPusher(store *postgres.Store) (*feed.Pusher, *atomic.Int64) {
	delivered := new(atomic.Int64)
	log := slog.New(slog.DiscardHandler)
	webhooks := boot.Webhooks{WebhookNets: boot.Networks{netip.MustParsePrefix("127.0.0.1/32")}}
	return &feed.Pusher{
		Store: store, Feed: store, Clock: clock.System{}, Wall: time.Now, NewID: boot.NewID, Body: httpapi.WebhookBody,
		Sender: webhooks.WebhookSender(boot.Test, nil, log),
		Log:    log,
		Watch: func(r billing.WebhookResult) {
			if r == billing.WebhookDelivered {
				delivered.Add(1)
			}
		},
	}, delivered
}

// pushBatch delivers a batch. It reports whether an endpoint had work.
func pushBatch(ctx context.Context, p *feed.Pusher) (bool, error) {
	l, ok, err := p.Lease(ctx)
	if err != nil || !ok {
		return false, err
	}
	return true, p.Push(ctx, l)
}
