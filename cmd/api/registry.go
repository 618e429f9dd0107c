package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// registry warns at the start about payment systems that are open for new
// subscriptions, but for which this process has no adapter. Nothing can be charged
// through them.
type registry struct {
	list       func(context.Context) ([]billing.PaymentSystem, error)
	hasAdapter func(code string) bool
	retry      time.Duration // while the database is unavailable
	log        *slog.Logger
}

func (r registry) run(ctx context.Context) {
	for ctx.Err() == nil {
		systems, err := r.list(ctx)
		if err == nil {
			r.warn(systems)
			return
		}
		select {
		case <-time.After(r.retry):
		case <-ctx.Done():
		}
	}
}

func (r registry) warn(systems []billing.PaymentSystem) {
	for _, ps := range systems {
		if ps.ArchivedAt.IsZero() && !r.hasAdapter(ps.Code) {
			r.log.Warn("payment system has no adapter: viewers cannot pay with it, and its subscriptions are not renewed; "+
				"install a version with its adapter, or run billingctl payment-system archive", "payment_system", ps.Code)
		}
	}
}
