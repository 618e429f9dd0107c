package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/adapters/password"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

const (
	requestTimeout = 30 * time.Second
	foldEvery      = 20 * time.Second
	warmEvery      = time.Minute
	// awaitInstruction is longer than the API takes to execute an instruction.
	awaitInstruction = 2 * time.Second
)

// serve wires the parts, top to bottom, and runs the server until ctx ends.
func serve(ctx context.Context, cfg boot.Admin, log *slog.Logger) error {
	traces, err := cfg.OpenTracer(ctx, "billing-admin", log)
	if err != nil {
		return err
	}
	defer traces.Stop()
	pool, err := postgres.OpenRole(ctx, cfg.DatabaseURL.Reveal(), postgres.PanelRole, traces.Pool)
	if err != nil {
		return err
	}
	defer pool.Close()
	now, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL, postgres.PanelRole)
	if err != nil {
		return err
	}
	defer closeClock()
	store := postgres.NewStore(pool)
	m := metrics.New(boot.Version())
	m.Masked(boot.Masked(log))
	auth := operators.PanelAuth{
		Store: store, Wall: clock.System{}, NewID: boot.NewID, Passwords: password.New(), Throttle: operators.NewThrottle(),
		RequireFactor: cfg.TOTP == boot.FactorRequired, Watch: m.SignIn,
	}
	keys, err := cfg.OpenPanelKeys(cfg.Env, log)
	if err != nil {
		return err
	}
	if keys != nil {
		auth.Keys = keys
	}
	views := operators.Panel{
		Store: store, Views: store.PanelViews(), Clock: now, Location: cfg.TimeZone.Location,
		Adapters: boot.PaymentSystemCodes(cfg.UseSimulator(cfg.Env)), TestClock: cfg.Clock == boot.TestClock,
	}
	panel, err := admin.New(admin.Config{
		Panel:     views,
		Catalog:   operators.Catalog{Store: store, Clock: now, NewID: boot.NewID},
		Notes:     operators.Notes{Store: store, Clock: now, NewID: boot.NewID},
		Endpoints: operators.Endpoints{Store: store, Clock: now, Wall: time.Now, NewID: boot.NewID},
		Auth:      auth,
		Instructions: operators.Instructions{
			Store: mutant.Store(store, nil), Clock: now, Calendar: cfg.TimeZone.Calendar(), NewID: boot.NewID, Limits: cfg.SupportLimits.SupportLimits,
		},
		Await:    awaitInstruction,
		Location: cfg.TimeZone.Location, Secure: cfg.Env == boot.Production, Proxies: cfg.TrustedProxies, Log: log,
	})
	if err != nil {
		return fmt.Errorf("panel: %w", err)
	}
	listeners, err := boot.Listen("BILLING_ADMIN_ADDR", cfg.AdminAddr, cfg.OpsAddr)
	if err != nil {
		return err
	}
	defer listeners.Close()
	health := boot.NewHealth(pool.Ping, cfg.DatabaseURL, nil)
	ops := health.Handler()
	ops.Handle("GET /metrics", m.Handler())
	s := &boot.Server{
		Program: "billing-admin", Address: "admin_addr", Listeners: listeners, Health: health,
		Public: boot.NewServer(traces.Handler(panel, cfg.TrustedProxies), requestTimeout, log), Ops: boot.NewServer(ops, requestTimeout, log),
		Background: []func(context.Context){
			task{"update of the figures failed", foldEvery, store.Fold, log}.run,
			task{"preparation of the overview failed", warmEvery, warm(views), log}.run,
		},
		Grace: requestTimeout, Log: log,
	}
	return s.Run(ctx)
}

// warm returns a task that loads the overview, so that its slow counts are cached
// before a person opens the page.
func warm(p operators.Panel) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := p.Dashboard(ctx, operators.Operator{Name: "billing-admin", Role: ports.RoleReader})
		return err
	}
}

// task is a function that runs at regular intervals.
type task struct {
	failure string // log message of a failure
	every   time.Duration
	do      func(context.Context) error
	log     *slog.Logger
}

func (t task) run(ctx context.Context) {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		err := t.do(ctx)
		if err != nil && !failing && ctx.Err() == nil { // log each outage once
			t.log.Error(t.failure+"; will retry", "error", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
