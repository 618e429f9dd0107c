package billingtest

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

// Process is one process of the API: its use cases over the world's database.
type Process struct {
	*viewers.Subscriber
	*payments.Collector
	viewers.Requests
}

// Process returns a new process.
func (w World) Process() Process { return w.ProcessOver(w.Store, w.Provider) }

// ProcessOver returns a new process that uses the given store and provider.
func (w World) ProcessOver(s ports.Store, p ports.Provider) Process {
	c := &payments.Collector{
		Store: s, Clock: w.Clock, NewID: w.NewID, Providers: map[string]ports.Provider{w.Provider.Code: p},
		ChargeTimeout: ChargeTimeout, RecordTimeout: ChargeTimeout, Log: slog.New(slog.DiscardHandler), Retries: retries(w.T),
		Consents:  payments.Consents{Keys: w.Keys, Required: func() bool { return true }},
		Refunders: map[string]ports.Refunder{w.Provider.Code: w.Provider},
	}
	if canceller, can := p.(ports.Canceller); can {
		c.Cancellers = map[string]ports.Canceller{w.Provider.Code: canceller}
	}
	return Process{
		Subscriber: &viewers.Subscriber{
			Store: s, Clock: w.Clock, NewID: w.NewID, Collector: c, Wait: PastSendWindow, Pause: w.pause,
		},
		Collector: c, Requests: viewers.Requests{Store: s},
	}
}

// Saver returns the saver of a new process that uses the given store and payment system.
func (w World) Saver(s ports.Store, saver ports.Saver) *payments.MethodSaver {
	return &payments.MethodSaver{
		Store: s, Clock: w.Clock, NewID: w.NewID, Providers: map[string]ports.Provider{w.Provider.Code: w.Provider},
		Savers:  map[string]ports.Saver{w.Provider.Code: saver},
		Timeout: ChargeTimeout, RecordTimeout: ChargeTimeout, Log: slog.New(slog.DiscardHandler),
	}
}

// Forgetter returns the forgetter of a new process that uses the given store and payment
// system.
func (w World) Forgetter(s ports.Store, f ports.Forgetter) *payments.TokenForgetter {
	return &payments.TokenForgetter{
		Store: s, Forgetters: map[string]ports.Forgetter{w.Provider.Code: f}, Timeout: ChargeTimeout, Log: slog.New(slog.DiscardHandler),
	}
}

// Methods returns the payment methods of a new process that uses the given store and
// saver. Its pauses advance the clock if it does not stand still.
func (w World) Methods(s ports.Store, saver ports.Saver) *viewers.Methods {
	return &viewers.Methods{
		Store: s, Clock: w.Clock, NewID: w.NewID, Providers: map[string]ports.Provider{w.Provider.Code: w.Provider},
		Saver: w.Saver(s, saver), Forgetters: map[string]ports.Forgetter{w.Provider.Code: w.Provider},
		Pause: w.pause,
	}
}

// Sweep sweeps the payment systems that have pending payments, one after the other.
func (p Process) Sweep(ctx context.Context, limit, concurrency int) (swept payments.Swept, err error) {
	systems, err := p.SystemsToSweep(ctx)
	for _, system := range systems {
		more, failed := p.SweepSystem(ctx, system, limit, concurrency)
		swept, err = append(swept, more...), errors.Join(err, failed)
	}
	return swept, err
}

// SweepRefunds sweeps the payment systems that have refunds to send or to look up, one after
// the other.
func (p Process) SweepRefunds(ctx context.Context) (swept []billing.Refund, err error) {
	systems, err := p.SystemsToRefund(ctx)
	for _, system := range systems {
		more, failed := p.Collector.SweepRefunds(ctx, system, 100, 4)
		swept, err = append(swept, more...), errors.Join(err, failed)
	}
	return swept, err
}

// RenewalGrace is how long access goes on while a renewal has not been tried.
const RenewalGrace = 24 * time.Hour

func retries(t *testing.T) billing.RetrySchedule {
	t.Helper()
	r, err := billing.NewRetrySchedule(24*time.Hour, 72*time.Hour, 120*time.Hour, 168*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Renewer returns the renewal run of a new process.
func (w World) Renewer() *renewals.Renewer { return w.RenewerOver(w.Store, w.Provider) }

// RenewerOver returns the renewal run of a new process that uses the given store
// and provider.
func (w World) RenewerOver(s ports.Store, p ports.Provider) *renewals.Renewer {
	return &renewals.Renewer{
		Store: s, Clock: w.Clock, NewID: w.NewID, Collector: w.ProcessOver(s, p).Collector,
		Log: slog.New(slog.DiscardHandler), Concurrency: 8,
	}
}

// SubscribeBasic is the command by which [Viewer] subscribes to the plan basic.
func SubscribeBasic() viewers.Subscribe {
	return viewers.Subscribe{User: Viewer, Plan: "basic", Price: Price, PaymentSystem: System, Token: Token}
}

// MustSubscribe subscribes [Viewer] to the plan basic in a new process.
func (w World) MustSubscribe() ports.SubscriptionView {
	w.T.Helper()
	v, err := w.Process().Subscribe(w.T.Context(), SubscribeBasic())
	if err != nil {
		w.T.Fatal(err)
	}
	return v
}
