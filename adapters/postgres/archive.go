package postgres

import (
	"context"
	"time"
)

// Archive is the state of the WAL archive.
type Archive struct {
	Enabled           bool
	Succeeded, Failed time.Time // last success and last failure; zero if there was none
}

// Archive returns the state of the WAL archive of the server.
func (s *Store) Archive(ctx context.Context) (Archive, error) {
	return queryOne(ctx, func(ctx context.Context) (a Archive, err error) {
		var succeeded, failed *time.Time
		err = s.pool.QueryRow(ctx, `
			SELECT current_setting('archive_mode') <> 'off', last_archived_time, last_failed_time
			FROM pg_stat_archiver`).Scan(&a.Enabled, &succeeded, &failed)
		if succeeded != nil {
			a.Succeeded = *succeeded
		}
		if failed != nil {
			a.Failed = *failed
		}
		return a, err
	})
}
