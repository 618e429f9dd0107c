package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// endpoints implements [ports.Endpoints].
type endpoints struct {
	q       *dbgen.Queries
	secrets endpointSecrets
}

func (r endpoints) Add(ctx context.Context, e billing.Endpoint, s ports.EndpointSecret) error {
	err := r.q.EndpointAdd(ctx, dbgen.EndpointAddParams{
		ID: string(e.ID), Url: e.URL, Types: stringsOf(e.Types), AddedAt: e.AddedAt,
	})
	if err != nil {
		return err
	}
	return r.secrets.add(ctx, r.q, e.ID, s)
}

func (r endpoints) Lock(ctx context.Context, id billing.EndpointID) (billing.Endpoint, error) {
	row, err := r.q.EndpointLock(ctx, string(id))
	if err != nil {
		return billing.Endpoint{}, orNotFound(err, billing.ErrEndpointNotFound)
	}
	return endpointOf(row), nil
}

func (r endpoints) Save(ctx context.Context, e billing.Endpoint) error {
	return oneRow(r.q.EndpointSave(ctx, dbgen.EndpointSaveParams{
		ID: string(e.ID), DisabledAt: e.DisabledAt, NextTryAt: e.NextTryAt, ReplayFrom: e.ReplayFrom, TestAskedAt: e.TestAskedAt,
	}))
}

func (r endpoints) AddSecret(ctx context.Context, id billing.EndpointID, s ports.EndpointSecret, until time.Time) error {
	if err := r.q.EndpointSecretsExpire(ctx, until, string(id)); err != nil {
		return err
	}
	return r.secrets.add(ctx, r.q, id, s)
}

func (r endpoints) Resend(ctx context.Context, id billing.EndpointID, s ports.Resend) (int, error) {
	n, err := r.q.EndpointResend(ctx, dbgen.EndpointResendParams{
		EndpointID: string(id), UserID: string(s.User), EventID: orNull(string(s.Event)),
		SinceID: billing.FirstIDAt(s.Since), Since: orEpoch(s.Since), Now: s.Now,
	})
	return int(n), err
}

func endpointOf(row *dbgen.Endpoint) billing.Endpoint {
	return billing.Endpoint{
		ID: billing.EndpointID(row.ID), URL: row.Url,
		Types:   mapSlice(row.Types, func(t string) billing.EventType { return billing.EventType(t) }),
		AddedAt: row.AddedAt, DisabledAt: row.DisabledAt,
		Tries: int(row.Tries), NextTryAt: row.NextTryAt, FailingSince: row.FailingSince,
		LastTryAt: row.LastTryAt, LastStatus: row.LastStatus, ReplayFrom: row.ReplayFrom,
		TestAskedAt: row.TestAskedAt, TestedAt: row.TestedAt, TestStatus: row.TestStatus,
	}
}

// orNull returns nil for an empty id.
func orNull(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

// endpointLeases implements [ports.EndpointLeases].
type endpointLeases struct {
	q       *dbgen.Queries
	secrets endpointSecrets
}

func (r endpointLeases) Lease(ctx context.Context, l ports.EndpointLease) (p ports.Push, ok bool, err error) {
	rows, err := r.q.EndpointLease(ctx, &l.ID, interval(l.For), l.Now)
	if err != nil || len(rows) == 0 {
		return p, false, err
	}
	row := rows[0]
	p = ports.Push{
		Lease: l.ID, Leased: endpointOf(row), Endpoint: endpointOf(row),
		Cursor: ports.EndpointCursor{
			Epoch: row.Epoch, Place: ports.FeedPlace{Xact: row.Xact, ID: idOrEmpty[billing.EventID](row.EventID)},
			Since: row.Since, Reached: row.ReachedAt,
		},
	}
	secrets, err := r.q.EndpointSecretsOf(ctx, row.ID, l.Wall)
	for _, s := range secrets {
		if text, err := r.secrets.decrypt(s); err == nil {
			p.Secrets = append(p.Secrets, billing.WebhookSecret{Secret: billing.NewSecret(string(text))})
		}
	}
	return p, err == nil, err
}

func (r endpointLeases) Release(ctx context.Context, p ports.Push, idle time.Duration) error {
	e, c := p.Endpoint, p.Cursor
	n, err := r.q.EndpointRelease(ctx, dbgen.EndpointReleaseParams{
		ID: string(e.ID), Lease: &p.Lease, Idle: interval(idle),
		Epoch: c.Epoch, Xact: c.Place.Xact, EventID: orNull(string(c.Place.ID)), Since: c.Since, ReachedAt: c.Reached,
		Tries: int32(e.Tries), FailingSince: e.FailingSince, NextTryAt: e.NextTryAt, LastTryAt: e.LastTryAt, LastStatus: e.LastStatus,
		DisabledAt: e.DisabledAt, LeasedDisabledAt: p.Leased.DisabledAt, LeasedNextTryAt: p.Leased.NextTryAt,
		Replayed: p.Replayed, TestedAt: e.TestedAt, TestStatus: e.TestStatus,
	})
	if err == nil && n == 0 {
		return ports.ErrLeaseLost
	}
	return err
}

// endpointViews implements [ports.EndpointViews].
type endpointViews struct{ pool *pgxpool.Pool }

// Endpoints reads the events that an endpoint has not
// received by the index of the feed, which the planner takes for worse than it is.
func (v endpointViews) Endpoints(ctx context.Context) (list []ports.EndpointView, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = pgx.BeginTxFunc(ctx, v.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"); err != nil {
			return err
		}
		q := dbgen.New(tx)
		rows, err := q.ViewEndpoints(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			view, err := endpointView(ctx, q, row)
			if err != nil {
				return err
			}
			list = append(list, view)
		}
		return nil
	})
	return list, translate(err)
}

// eventsBehind counts the events after the place of an endpoint, or from its time on.
func eventsBehind(ctx context.Context, q *dbgen.Queries, row *dbgen.Endpoint) (*dbgen.EndpointBehindRow, error) {
	if row.EventID == nil || !row.ReplayFrom.IsZero() {
		since := billing.FirstIDAt(cmp.Or(row.ReplayFrom, row.Since))
		behind, err := q.EndpointBehindSince(ctx, since, row.Types, ports.MaxBehind)
		return (*dbgen.EndpointBehindRow)(behind), err
	}
	return q.EndpointBehind(ctx, dbgen.EndpointBehindParams{
		Xact: row.Xact, EventID: *row.EventID, SinceID: billing.FirstIDAt(row.Since), Since: orEpoch(row.Since),
		Types: row.Types, Most: ports.MaxBehind,
	})
}

func endpointView(ctx context.Context, q *dbgen.Queries, row *dbgen.Endpoint) (ports.EndpointView, error) {
	view := ports.EndpointView{Endpoint: endpointOf(row)}
	behind, err := eventsBehind(ctx, q, row)
	if err != nil {
		return view, err
	}
	waiting, err := q.DeliveriesWaiting(ctx, row.ID, ports.MaxBehind)
	if err != nil {
		return view, err
	}
	view.Behind, view.Waiting = min(int(behind.Events+waiting.Events), ports.MaxBehind), int(waiting.Events)
	for _, id := range []string{behind.Oldest, waiting.Oldest} {
		if at, ok := billing.IDTime(id); ok && (view.Oldest.IsZero() || at.Before(view.Oldest)) {
			view.Oldest = at
		}
	}
	return view, nil
}
