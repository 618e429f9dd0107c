package postgres

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	// feedTimeout limits a page. A page with rare types may read much of the history.
	feedTimeout = 25 * time.Second
	// firstXact is below the place of every event that has one: see feed_new_epoch.
	firstXact = 1 << 48
	// startSlack is how much earlier than its time a read of the feed starts: longer than
	// any transaction of the programs. Since leaves out the events before its time.
	startSlack = time.Hour
)

// Windows grow by this factor until they hold a page. The first ones hold about a page
// where events are frequent: 64 transactions, or an hour.
const (
	windowGrowth  = 4
	firstXacts    = 64
	firstDuration = int64(time.Hour / time.Millisecond)
	lastMillis    = 1<<48 - 1 // of an id
	// summarizeEvery is the shortest time between two calls of feed_summarize.
	summarizeEvery = 5 * time.Second
	// pageTime is the time after which a page ends with the events that it has, so that a
	// reader of rare types comes forward.
	pageTime = 5 * time.Second
)

var (
	errStandby = errors.New("the server is a standby, which may lag behind a cursor: set target_session_attrs=read-write in BILLING_DATABASE_URL")
	errMoved   = errors.New("the database was moved to another cluster: run billingctl migrate up, which begins a new epoch of the feed")
)

// feedState is the state of the feed in a snapshot.
type feedState struct {
	epoch         string
	horizon, next int64 // all events below horizon are visible; none is at or above next
}

// FeedPage implements [ports.Feed].
func (s *Store) FeedPage(ctx context.Context, q ports.FeedQuery) (page ports.FeedPage, err error) {
	err = s.readFeed(ctx, feedTimeout, func(ctx context.Context, tx pgx.Tx, state feedState) error {
		if q.Epoch != "" && (q.Epoch != state.epoch || q.After.Xact >= state.horizon) {
			return ports.ErrFeedEpoch
		}
		r := feedReader{q: dbgen.New(tx), query: q, feedState: state, place: q.After}
		if q.Epoch == "" {
			if r.place, err = r.start(ctx); err != nil {
				return err
			}
		}
		page, err = r.read(ctx)
		return err
	})
	if err == nil && len(page.Events) == q.Limit {
		s.summarizeFeed(ctx, page.Events[q.Limit-1])
	}
	return page, err
}

// summarizeFeed completes the index of the partition of an event, at most once per
// summarizeEvery. It makes the next pages of a reader cheaper that is behind: without it each
// page reads all events that were recorded since the last vacuum. A failure costs only time,
// and the next page after summarizeEvery tries again.
func (s *Store) summarizeFeed(ctx context.Context, e ports.FeedEvent) {
	last, now := s.summarized.Load(), time.Now().UnixNano()
	if now-last < int64(summarizeEvery) || !s.summarized.CompareAndSwap(last, now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, _ = s.pool.Exec(ctx, "SELECT feed_summarize(tableoid) FROM events WHERE user_id = $1 AND id = $2", e.UserID, e.ID)
}

// FeedLag implements [ports.Feed].
func (s *Store) FeedLag(ctx context.Context) (lag time.Duration, err error) {
	err = s.readFeed(ctx, timeout, func(ctx context.Context, tx pgx.Tx, state feedState) error {
		var oldest []string
		err := windows(state.horizon, state.next, firstXacts, func(from, to int64) (done bool, err error) {
			oldest, err = dbgen.New(tx).FeedOldest(ctx, from, to)
			return len(oldest) > 0, err
		})
		if err != nil || len(oldest) == 0 {
			return err
		}
		var now time.Time
		if err := tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
			return err
		}
		if at, ok := billing.IDTime(oldest[0]); ok {
			lag = max(0, now.Sub(at))
		}
		return nil
	})
	return lag, err
}

// readFeed runs f in a snapshot. The planner takes BRIN indexes for worse than they are
// until a table has statistics, and closed partitions never get any, so it may not choose
// a scan of a table. It may not start parallel workers either: starting them takes several
// times as long as reading a page.
func (s *Store) readFeed(ctx context.Context, limit time.Duration, f func(context.Context, pgx.Tx, feedState) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return translate(pgx.BeginTxFunc(ctx, s.pool, snapshot, func(tx pgx.Tx) error {
		state, err := readFeedState(ctx, tx)
		if err != nil {
			return err
		}
		return f(ctx, tx, state)
	}))
}

// readFeedState reads the epoch and the bounds of the snapshot. The epoch changes with
// feed_epoch, and with the timeline, which a standby begins when it takes over.
func readFeedState(ctx context.Context, tx pgx.Tx) (state feedState, err error) {
	var here bool
	var settings string
	err = tx.QueryRow(ctx, `
		SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE
				format('%s-%s-%s', to_hex(c.system_identifier), e.epoch, ltrim(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), '0')) END,
			e.cluster = c.system_identifier,
			(e.epoch << 48) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
			(e.epoch << 48) + pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
			set_config('enable_seqscan', 'off', true) || set_config('jit', 'off', true) || set_config('max_parallel_workers_per_gather', '0', true)
		FROM feed_epoch e, pg_control_system() c`).
		Scan(&state.epoch, &here, &state.horizon, &state.next, &settings)
	switch {
	case err != nil:
		return state, err
	case state.epoch == "":
		return state, unavailable(errStandby)
	case !here:
		return state, unavailable(errMoved)
	default:
		return state, nil
	}
}

// feedReader reads one page.
type feedReader struct {
	feedState
	q     *dbgen.Queries
	query ports.FeedQuery

	place  ports.FeedPlace
	events []ports.FeedEvent
}

func (r *feedReader) read(ctx context.Context) (ports.FeedPage, error) {
	if r.place.Xact < firstXact {
		if err := r.readEarlier(ctx); err != nil {
			return ports.FeedPage{}, err
		}
	}
	if r.place.Xact >= firstXact {
		err := windows(r.place.Xact, r.horizon, firstXacts, func(from, to int64) (bool, error) {
			return r.readWindow(ctx, from, to)
		})
		if err != nil {
			return ports.FeedPage{}, err
		}
		if !r.full() && r.place.Xact >= r.horizon { // no window was left
			r.place = ports.FeedPlace{Xact: r.horizon - 1, ID: maxID}
		}
	}
	return ports.FeedPage{Epoch: r.epoch, Events: r.events, Next: r.place}, nil
}

// readWindow reads the events from the place on, with xact from from to before to. It
// reports whether the page is full, or its time is over.
func (r *feedReader) readWindow(ctx context.Context, from, to int64) (done bool, err error) {
	rows, err := r.q.FeedEvents(ctx, dbgen.FeedEventsParams{
		First: from, Before: to, AfterXact: r.place.Xact, AfterID: cmp.Or(string(r.place.ID), minID),
		Types: stringsOf(r.query.Types), SinceID: billing.FirstIDAt(r.query.Since), Since: orEpoch(r.query.Since), Take: r.left(),
	})
	for _, row := range rows {
		r.add(&row.Event, row.Subject.String)
	}
	if err != nil || r.full() {
		return true, err
	}
	r.place = ports.FeedPlace{Xact: to - 1, ID: maxID}
	return r.done(ctx), nil
}

// readEarlier reads events of earlier versions. At their end, it moves the place to the
// other events.
func (r *feedReader) readEarlier(ctx context.Context) error {
	done := false
	err := windows(millisOf(r.place.ID), lastMillis, firstDuration, func(_, to int64) (bool, error) {
		remain, err := r.q.FeedHasEarlier(ctx, cmp.Or(string(r.place.ID), minID))
		if err != nil || !remain {
			return true, err
		}
		rows, err := r.q.FeedEarlierEvents(ctx, dbgen.FeedEarlierEventsParams{
			AfterID: cmp.Or(string(r.place.ID), minID), BeforeID: firstIDAt(to),
			Types: stringsOf(r.query.Types), SinceID: billing.FirstIDAt(r.query.Since), Since: orEpoch(r.query.Since), Take: r.left(),
		})
		for _, row := range rows {
			r.add(&(*dbgen.FeedEventsRow)(row).Event, row.Subject.String)
		}
		if !r.full() {
			r.place = ports.FeedPlace{ID: billing.EventID(firstIDAt(to))}
		}
		done = r.done(ctx)
		return done, err
	})
	if err == nil && !done {
		r.place = ports.FeedPlace{Xact: firstXact}
	}
	return err
}

// start returns the place of the first event that was recorded, or happened, at Since, or a
// little before it. A transaction that is still running may add events at the horizon.
func (r *feedReader) start(ctx context.Context) (place ports.FeedPlace, err error) {
	if r.query.Since.IsZero() {
		return ports.FeedPlace{}, nil
	}
	first := max(0, r.query.Since.Add(-startSlack).UnixMilli())
	place = ports.FeedPlace{Xact: r.horizon}
	err = windows(first, lastMillis, firstDuration, func(from, to int64) (found bool, err error) {
		row, err := r.startWithin(ctx, from, to)
		if err != nil || !row.Earlier && row.Xact == 0 {
			return false, err
		}
		// An event at the end of the window may have a later place than one right after it.
		if row, err = r.startWithin(ctx, from, min(to+startSlack.Milliseconds(), lastMillis)); err != nil {
			return false, err
		}
		place.Xact = min(row.Xact, r.horizon)
		if row.Earlier {
			place = ports.FeedPlace{ID: billing.EventID(firstIDAt(from))}
		}
		return true, nil
	})
	return place, err
}

// startWithin returns the lowest place of the events that were recorded, or happened, within
// a window of milliseconds.
func (r *feedReader) startWithin(ctx context.Context, from, to int64) (*dbgen.FeedStartRow, error) {
	return r.q.FeedStart(ctx, dbgen.FeedStartParams{
		FirstID: firstIDAt(from), BeforeID: firstIDAt(to), FirstAt: time.UnixMilli(from), BeforeAt: time.UnixMilli(to),
	})
}

func (r *feedReader) add(row *dbgen.Event, subject string) {
	r.events = append(r.events, ports.FeedEvent{Event: eventOf(row), Subject: subject, Xact: row.Xact.Int64})
	r.place = ports.FeedPlace{Xact: row.Xact.Int64, ID: billing.EventID(row.ID)}
}

// done reports whether the page is full, or its time is over.
func (r *feedReader) done(ctx context.Context) bool {
	until, limited := ctx.Deadline()
	return r.full() || limited && time.Until(until) < feedTimeout-pageTime
}

func (r *feedReader) full() bool { return len(r.events) >= r.query.Limit }

func (r *feedReader) left() int32 { return int32(r.query.Limit - len(r.events)) }

// windows calls read for windows that follow each other, from first to before end, until it
// is done. Each is wider than the last, so that the number of windows is small wherever the
// events are.
func windows(first, end, width int64, read func(from, to int64) (done bool, err error)) error {
	for first < end {
		to := first + min(width, end-first)
		if done, err := read(first, to); done || err != nil {
			return err
		}
		first, width = to, min(width*windowGrowth, lastMillis)
	}
	return nil
}

// firstIDAt returns the lowest id with these milliseconds of Unix time.
func firstIDAt(ms int64) string { return billing.FirstIDAt(time.UnixMilli(ms)) }

// millisOf returns the milliseconds of Unix time in an id.
func millisOf(id billing.EventID) int64 {
	text := cmp.Or(string(id), minID)
	ms, _ := strconv.ParseInt(text[:8]+text[9:13], 16, 64) // a stored id is a UUID
	return ms
}
