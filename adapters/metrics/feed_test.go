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

func TestWatchFeed(t *testing.T) {
	t.Parallel()
	var err error
	m := metrics.New("v1")
	m.WatchFeed(func(context.Context) (time.Duration, error) { return 1500 * time.Millisecond, err }, slog.New(slog.DiscardHandler))
	expect(t, m, "billing_feed_lag_seconds 1.5")
	if err = errors.New("down"); strings.Contains(scrape(t, m), "billing_feed_") {
		t.Error("the lag is exported although the database is down")
	}
}
