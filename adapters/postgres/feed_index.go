package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3/lock"
)

// prepareFeed completes what the migrations cannot do for the feed: it begins a new epoch if
// the database was moved to another cluster, and creates the index events_feed of the
// partitions that lack it, without blocking writes. It may run again after an interruption.
func prepareFeed(ctx context.Context, db *sql.DB) (err error) {
	locker, err := newLocker()
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := locker.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() {
		if unlock := locker.SessionUnlock(context.WithoutCancel(ctx), conn); err == nil {
			err = unlock
		}
	}()
	if _, err := conn.ExecContext(ctx, `
		SELECT feed_new_epoch() FROM feed_epoch WHERE cluster <> (SELECT system_identifier FROM pg_control_system())`); err != nil {
		return fmt.Errorf("begin a new epoch of the feed: %w", err)
	}
	partitions, err := withoutFeedIndex(ctx, conn)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		if err := addFeedIndex(ctx, conn, partition); err != nil {
			return fmt.Errorf("index of the feed for %s: %w", partition, err)
		}
	}
	return nil
}

func newLocker() (lock.SessionLocker, error) {
	return lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 120))
}

// withoutFeedIndex returns the partitions of events without the index, as quoted names.
func withoutFeedIndex(ctx context.Context, conn *sql.Conn) (names []string, err error) {
	rows, err := conn.QueryContext(ctx, `
		SELECT quote_ident(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'events'::regclass AND NOT EXISTS (
			SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid
			WHERE a.inhparent = 'events_feed'::regclass AND x.indrelid = c.oid)
		ORDER BY c.relname`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// addFeedIndex creates the index of one partition. An interrupted attempt may have left an
// invalid one. CONCURRENTLY waits for all running transactions, so it has no lock_timeout.
func addFeedIndex(ctx context.Context, conn *sql.Conn, partition string) error {
	for _, statement := range []string{
		"SET lock_timeout = 0",
		"DROP INDEX CONCURRENTLY IF EXISTS " + partition + "_feed",
		"CREATE INDEX CONCURRENTLY " + partition + "_feed ON " + partition + " USING brin (xact, id) WITH (pages_per_range = 32, autosummarize = on)",
		"RESET lock_timeout",
		"ALTER INDEX events_feed ATTACH PARTITION " + partition + "_feed",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
