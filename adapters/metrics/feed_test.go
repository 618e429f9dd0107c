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
	reads := 0
	watch := func(err error) *metrics.Metrics {
		m := metrics.New("v1")
		m.WatchFeed(func(context.Context) (time.Duration, error) { reads++; return 1500 * time.Millisecond, err }, slog.New(slog.DiscardHandler))
		return m
	}
	m := watch(nil)
	for range 2 {
		expect(t, m, "billing_feed_lag_seconds 1.5")
	}
	if reads != 1 {
		t.Errorf("two scrapes read the lag %d times", reads)
	}
	if strings.Contains(scrape(t, watch(errors.New("down"))), "billing_feed_") {
		t.Error("the lag is exported although the database is down")
	}
}
