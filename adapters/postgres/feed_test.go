package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// viewerID returns the id of the n-th viewer.
func viewerID(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) }

// record stores an event of a viewer and returns its type, which tells events apart.
func record(t *testing.T, q querier, viewer int, eventType string) string {
	t.Helper()
	err := q.QueryRow(t.Context(), `INSERT INTO events (user_id, id, type, at, plan_code, decline_code)
		VALUES ($1, $2, $3, '2026-03-01Z', '', '') RETURNING type`, viewerID(viewer), uuid.Must(uuid.NewV7()).String(), eventType).Scan(&eventType)
	if err != nil {
		t.Fatal(err)
	}
	return eventType
}

// begin begins a transaction that ends with the test at the latest.
func begin(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	return tx
}

func commit(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func feedPage(t *testing.T, f ports.Feed, q ports.FeedQuery) ports.FeedPage {
	t.Helper()
	page, err := f.FeedPage(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func typesOf(page ports.FeedPage) (types []string) {
	for _, e := range page.Events {
		types = append(types, string(e.Type))
	}
	return types
}

func next(page ports.FeedPage, limit int) ports.FeedQuery {
	return ports.FeedQuery{Epoch: page.Epoch, After: page.Next, Limit: limit}
}

// wantFeed waits until the feed has as many events after q as wanted, because transactions
// of other tests may delay them, and compares.
func wantFeed(t *testing.T, f ports.Feed, q ports.FeedQuery, want ...string) ports.FeedPage {
	t.Helper()
	page := feedPage(t, f, q)
	for len(page.Events) < len(want) && t.Context().Err() == nil {
		page = feedPage(t, f, q)
	}
	if diff := cmp.Diff(want, typesOf(page)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	return page
}

// An event of a transaction that commits late is not lost: it and those recorded since are
// delivered after the commit.
func TestFeed_LateCommit(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	f := postgres.NewStore(pool)
	start := wantFeed(t, f, ports.FeedQuery{Limit: 10})
	before := record(t, pool, 1, "before")
	start = wantFeed(t, f, next(start, 10), before)
	late := begin(t, pool)
	record(t, late, 1, "late")
	record(t, pool, 2, "meanwhile")
	for range 2 {
		if page := feedPage(t, f, next(start, 10)); len(page.Events) > 0 {
			t.Fatalf("delivered %q before the open transaction ended", typesOf(page))
		}
	}
	if lag, err := f.FeedLag(t.Context()); lag <= 0 || lag > time.Hour || err != nil {
		t.Errorf("the lag is %v, %v; want some time", lag, err)
	}
	commit(t, late)
	wantFeed(t, f, next(start, 10), "late", "meanwhile")
	wantFeed(t, f, next(feedPage(t, f, next(start, 1)), 10), "meanwhile")
}

// A reader starts at a time. The only event of the hour before it was recorded after the
// first event that follows, which must not be skipped.
func TestFeed_StartsBeforeLaterPlaces(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	f := postgres.NewStore(pool)
	since := time.Now()
	for _, e := range []struct {
		name string
		at   time.Time
	}{{"follows", since.Add(time.Second)}, {"precedes", since.Add(-time.Second)}, {"last", since.Add(2 * time.Second)}} {
		id := billing.FirstIDAt(e.at)
		if _, err := pool.Exec(t.Context(), `INSERT INTO events (user_id, id, type, at, plan_code, decline_code) VALUES ($1, $2, $3, '2026-03-01Z', '', '')`,
			viewerID(1), id, e.name); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for !slices.Contains(got, "last") && t.Context().Err() == nil {
		got = typesOf(feedPage(t, f, ports.FeedQuery{Since: since, Limit: 10}))
	}
	if diff := cmp.Diff([]string{"follows", "last"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// The transaction with the smaller id records its event of a viewer last.
func TestFeed_OrderOfViewer(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	f := postgres.NewStore(pool)
	older := begin(t, pool)
	record(t, older, 1, "of another viewer")
	record(t, pool, 2, "first")
	record(t, older, 2, "second")
	commit(t, older)
	wantFeed(t, f, ports.FeedQuery{Limit: 10}, "of another viewer", "first", "second")
}

// Writers commit and roll back at random, while a reader follows. It must receive each
// committed event once, and those of a viewer in the order in which they were recorded.
func TestFeed_ConcurrentWriters(t *testing.T) {
	t.Parallel()
	const writers, transactions, viewers = 6, 40, 4
	pool := pgtest.New(t)
	f := postgres.NewStore(pool)
	for v := range viewers {
		if _, err := pool.Exec(t.Context(), `INSERT INTO users (id, first_seen_at, last_seen_at) VALUES ($1, now(), now())`, viewerID(v)); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	recorded := map[string][]string{} // by viewer, in order
	var running sync.WaitGroup
	var left atomic.Int64
	left.Store(writers)
	for w := range writers {
		running.Go(func() {
			defer left.Add(-1)
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for n := range transactions {
				tx, err := pool.Begin(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				chosen := rng.Perm(viewers)[:1+rng.IntN(viewers)]
				slices.Sort(chosen)
				var written [][2]string
				for _, v := range chosen { // each statement may wait for another writer
					if _, err := tx.Exec(t.Context(), `SELECT FROM users WHERE id = $1 FOR UPDATE`, viewerID(v)); err != nil {
						t.Error(err)
					}
					written = append(written, [2]string{viewerID(v), record(t, tx, v, fmt.Sprint("w", w, "n", n, "v", v))})
				}
				if rng.IntN(4) == 0 {
					_ = tx.Rollback(t.Context())
					continue
				}
				mu.Lock() // the locks of the viewers make the order of their events that of the commits
				for _, event := range written {
					recorded[event[0]] = append(recorded[event[0]], event[1])
				}
				err = tx.Commit(t.Context())
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := map[string][]string{}
	page, total := feedPage(t, f, ports.FeedQuery{Limit: 3}), 0
	for done := false; !done && t.Context().Err() == nil; page = feedPage(t, f, next(page, 3+total%5)) {
		for _, e := range page.Events {
			got[string(e.UserID)] = append(got[string(e.UserID)], string(e.Type))
		}
		total += len(page.Events)
		if len(page.Events) == 0 && left.Load() == 0 {
			lag, err := f.FeedLag(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done = lag == 0 && len(feedPage(t, f, next(page, 1)).Events) == 0
		}
	}
	running.Wait()
	if diff := cmp.Diff(recorded, got); diff != "" {
		t.Errorf("events by viewer (-recorded +delivered):\n%s", diff)
	}
}

const beforeFeed = 37 // the last migration without the feed

// Events of earlier versions come first, by id. The migrations create the index of each
// partition, also after an attempt that was interrupted.
func TestFeed_EarlierEvents(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	if _, err := gooseOn(t, url).DownTo(t.Context(), beforeFeed); err != nil {
		t.Fatal(err)
	}
	pool := openAs(t, url, "none")
	var earlier []string
	for i := range 5 {
		earlier = append(earlier, record(t, pool, i%2, fmt.Sprint("earlier ", i)))
	}
	if _, err := gooseOn(t, url).Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `CREATE INDEX events_after_feed ON events_after (type)`); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	var valid bool
	if err := pool.QueryRow(t.Context(), `SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_feed'::regclass`).Scan(&valid); err != nil || !valid {
		t.Errorf("the index is valid for all partitions: %t, %v", valid, err)
	}
	all := append(slices.Clone(earlier), record(t, pool, 1, "later"))
	f := postgres.NewStore(pool)
	wantFeed(t, f, ports.FeedQuery{Limit: 10}, all...)
	page := feedPage(t, f, ports.FeedQuery{Limit: 1})
	for _, want := range all[1:] {
		page = wantFeed(t, f, next(page, 1), want)
	}
	wantFeed(t, f, ports.FeedQuery{Limit: 2, Since: time.Now().Add(-time.Minute)}, all[:2]...)
	wantFeed(t, f, ports.FeedQuery{Limit: 2, Since: time.Now().Add(-time.Minute), Types: []billing.EventType{"later"}}, "later")
	wantPages(t, f, ports.FeedQuery{Limit: 10, Since: time.Now().Add(-time.Minute), Types: []billing.EventType{"later"}}, "later")
}

// wantPages reads pages whose time is over after their first query, until one has events. Each
// must come forward, although it is empty.
func wantPages(t *testing.T, f ports.Feed, q ports.FeedQuery, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // less than a page may take
	defer cancel()
	for pages := 1; ; pages++ {
		page, err := f.FeedPage(ctx, q)
		if err != nil {
			t.Fatalf("page %d: %v", pages, err)
		}
		if got := typesOf(page); len(got) > 0 {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			return
		}
		if pages == 1 && page.Next.Xact != 0 {
			t.Error("the first page is past all earlier events, although its time was over")
		}
		q.Epoch, q.After = page.Epoch, page.Next
	}
}

// A dump that was restored into another cluster has numbers of the old one.
func TestFeed_AnotherCluster(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	pool := openAs(t, url, "none")
	f := postgres.NewStore(pool)
	record(t, pool, 1, "before")
	old := wantFeed(t, f, ports.FeedQuery{Limit: 10}, "before")
	if _, err := pool.Exec(t.Context(), `UPDATE feed_epoch SET cluster = 1; UPDATE events SET xact = xact + 1000000000`); err != nil {
		t.Fatal(err)
	}
	if _, err := f.FeedPage(t.Context(), next(old, 1)); !errors.Is(err, billing.Unavailable) || !strings.Contains(err.Error(), "billingctl migrate up") {
		t.Errorf("before the migration: error %v", err)
	}
	if _, err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.FeedPage(t.Context(), next(old, 1)); !errors.Is(err, ports.ErrFeedEpoch) {
		t.Errorf("a place of the old epoch: error %v, want %v", err, ports.ErrFeedEpoch)
	}
	record(t, pool, 1, "after")
	wantFeed(t, f, ports.FeedQuery{Limit: 10}, "before", "after")
}

// manyEvents has 30,000 events of 600 transactions in two partitions.
const manyEvents = `DO $$ BEGIN FOR i IN 1..600 LOOP
	INSERT INTO events (user_id, id, type, at, plan_code, decline_code)
	SELECT gen_random_uuid(), (lpad(to_hex((1000 * extract(epoch FROM now() + i % 2 * interval '4 months'))::bigint), 12, '0')
		|| '7000' || lpad(to_hex(i), 8, '8') || lpad(to_hex(n), 8, '0'))::uuid, 'renewed', now(), 'premium', ''
	FROM generate_series(1, 50) n;
	COMMIT;
END LOOP; END $$`

// A page reads the part of the table in which its events are.
func TestFeed_ReadsIndexOnly(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	owner := openAs(t, url, "none")
	for _, sql := range []string{manyEvents, "VACUUM events"} { // without statistics
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	queries := &recorder{}
	pool, err := postgres.OpenRole(t.Context(), url, postgres.APIRole, func(c *pgxpool.Config) { c.ConnConfig.Tracer = queries })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := postgres.NewStore(pool)
	page := feedPage(t, f, ports.FeedQuery{Limit: 15_000})
	for len(page.Events) < 15_000 && t.Context().Err() == nil {
		page = feedPage(t, f, ports.FeedQuery{Limit: 15_000})
	}
	pages := count(t, superuser(t, url), `SELECT sum(relpages)::int FROM pg_class WHERE relname LIKE 'events\_%' AND relkind = 'r'`)
	queries.queries = nil
	if page = feedPage(t, f, next(page, 500)); len(page.Events) != 500 {
		t.Fatalf("%d events, want 500", len(page.Events))
	}
	tx := begin(t, owner)
	if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, q := range queries.queries {
		if !strings.Contains(q.SQL, "FROM events") {
			continue
		}
		rows, err := tx.Query(t.Context(), "EXPLAIN ANALYZE "+q.SQL, q.Args...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "Bitmap Index Scan on events_") {
			t.Errorf("%s does not use the index:\n%s", q.SQL, text)
		}
		for _, line := range plan {
			var blocks int
			if _, err := fmt.Sscanf(strings.TrimSpace(line), "Heap Blocks: lossy=%d", &blocks); err == nil {
				read += blocks
			}
		}
	}
	if read == 0 || read > pages/2 {
		t.Errorf("a page of 500 of 30,000 events reads %d blocks; the table has %d", read, pages)
	}
}

// A reader that is behind completes the index, which has no entries for the newest events.
func TestFeed_CompletesIndex(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	owner := openAs(t, url, "none")
	f := postgres.NewStore(openAs(t, url, postgres.APIRole))
	const events = 5000 // more than the index sums up in one entry
	if _, err := owner.Exec(t.Context(), `INSERT INTO events (user_id, id, type, at, plan_code, decline_code)
		SELECT $1, (lpad(to_hex((1000 * extract(epoch FROM now()))::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, 'renewed', now(), '', ''
		FROM generate_series(1, $2) n`, viewerID(1), events); err != nil {
		t.Fatal(err)
	}
	for len(feedPage(t, f, ports.FeedQuery{Limit: events}).Events) < events { // transactions of other tests delay it
	}
	missing := func() int {
		return count(t, owner, `SELECT sum(brin_summarize_new_values(x.indexrelid))::int FROM pg_index x
			JOIN pg_inherits i ON i.inhrelid = x.indexrelid
			WHERE i.inhparent = 'events_feed'::regclass AND x.indrelid = (SELECT tableoid FROM events LIMIT 1)`)
	}
	if n := missing(); n != 0 {
		t.Errorf("after a full page %d entries are missing, want 0", n)
	}
}
