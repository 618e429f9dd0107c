package worker

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// SystemCode is the code of the payment system.
const SystemCode = "bench"

// PaymentSystem accepts every charge after Latency. It stores nothing, because its
// cost is not measured.
type PaymentSystem struct {
	Latency time.Duration
	Charges atomic.Int64
}

var _ ports.Provider = (*PaymentSystem)(nil)

// Charge implements [ports.Provider].
func (p *PaymentSystem) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	p.Charges.Add(1)
	if p.Latency > 0 {
		timer := time.NewTimer(p.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return billing.Outcome{}, ctx.Err()
		}
	}
	return billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref"}, nil
}

// Capabilities implements [ports.Provider].
func (p *PaymentSystem) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

// Find returns [ports.ErrChargeNotFound]: no response of Charge is ever lost.
func (p *PaymentSystem) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	return billing.Outcome{}, ports.ErrChargeNotFound
}

// FixedClock is a clock that always returns the same time.
type FixedClock time.Time

// Now implements [ports.Clock].
func (c FixedClock) Now() time.Time { return time.Time(c) }

// NewCollector returns a collector with the defaults of the programs.
func NewCollector(store ports.Store, clock ports.Clock, system *PaymentSystem, log *slog.Logger) *payments.Collector {
	retries, err := billing.NewRetrySchedule(24*time.Hour, 72*time.Hour, 120*time.Hour, 168*time.Hour)
	if err != nil {
		panic(err) // the default schedule is valid
	}
	rules := boot.Rules{Retries: boot.Retries{RetrySchedule: retries}}
	charging := boot.Charging{ChargeTimeout: boot.PositiveDuration(10 * time.Second)}
	return boot.NewCollector(rules, charging, store, clock, map[string]ports.Provider{SystemCode: system}, log)
}
