package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestWatchEndpoints(t *testing.T) {
	t.Parallel()
	var err error
	queries := 0
	list := func(context.Context) ([]ports.EndpointView, error) {
		queries++
		return []ports.EndpointView{
			{Endpoint: billing.Endpoint{ID: "crm"}},
			{Endpoint: billing.Endpoint{ID: "mail", DisabledAt: time.Now()}, Behind: 7, Oldest: time.Now().Add(-2 * time.Hour)},
		}, err
	}
	m := metrics.New("v1")
	m.WatchEndpoints(list, slog.New(slog.DiscardHandler))
	m.Webhook(billing.WebhookDelivered)
	expect(t, m, `billing_webhook_events_behind{endpoint="mail"} 7`)
	expect(t, m, `billing_webhook_lag_seconds{endpoint="crm"} 0`)
	expect(t, m, `billing_webhook_disabled{endpoint="mail"} 1`)
	expect(t, m, `billing_webhooks_total{result="delivered"} 1`)
	expect(t, m, `billing_webhooks_total{result="gone"} 0`)
	if text := scrape(t, m); !strings.Contains(text, `billing_webhook_lag_seconds{endpoint="mail"} 72`) {
		t.Error("the lag of an endpoint is not two hours")
	}
	if queries != 1 {
		t.Errorf("the scrapes made %d queries, want 1", queries)
	}
	err = errors.New("down")
	down := metrics.New("v1")
	down.WatchEndpoints(list, slog.New(slog.DiscardHandler))
	if strings.Contains(scrape(t, down), "billing_webhook_") {
		t.Error("the endpoints are exported although the database is down")
	}
}
