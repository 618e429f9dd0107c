package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/metrics"
)

func TestWatchArchive(t *testing.T) {
	t.Parallel()
	var state metrics.Archive
	var err error
	m := metrics.New("v1")
	m.WatchArchive(func(context.Context) (metrics.Archive, error) { return state, err }, slog.New(slog.DiscardHandler))
	expect(t, m, "billing_wal_archive_enabled 0", "billing_wal_archive_success_timestamp_seconds 0", "billing_wal_archive_failure_timestamp_seconds 0")
	state = metrics.Archive{Enabled: true, Succeeded: time.Unix(1_000, 5), Failed: time.Unix(2_000, 0)}
	expect(t, m, "billing_wal_archive_enabled 1", "billing_wal_archive_success_timestamp_seconds 1000", "billing_wal_archive_failure_timestamp_seconds 2000")
	if err = errors.New("down"); strings.Contains(scrape(t, m), "billing_wal_archive_") {
		t.Error("the state is exported although the database is down")
	}
}
