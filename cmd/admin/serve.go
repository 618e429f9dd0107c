package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/adapters/password"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/app"
)

const (
	longest   = 30 * time.Second // that a request may take
	foldEvery = 20 * time.Second
	warmEvery = time.Minute
)

// serve wires everything, top to bottom, and runs it until ctx ends.
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
	now, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer closeClock()
	store := postgres.NewStore(pool)
	cases := app.Panel{
		Store: store, Views: store.PanelViews(), Clock: now, NewID: boot.NewID, Location: cfg.TimeZone.Location,
		Adapters: boot.SystemCodes(cfg.Env != boot.Production && cfg.Simulator.Or(true)),
	}
	panel, err := admin.New(admin.Config{
		Panel:    cases,
		Door:     app.Door{Store: store, Wall: clock.System{}, NewID: boot.NewID, Passwords: password.New()},
		Location: cfg.TimeZone.Location, Secure: cfg.Env == boot.Production, Proxies: cfg.Proxies, Log: log,
	})
	if err != nil {
		return fmt.Errorf("panel: %w", err)
	}
	m := metrics.New(boot.Version())
	m.Masked(boot.Masked(log))
	health := newHealth(pool.Ping, cfg.DatabaseURL)
	s := service{
		panel: server(traces.Handler(panel, cfg.Proxies), log), ops: server(health.handler(m.Handler()), log),
		background: []func(context.Context){
			task{"figures were not added up", foldEvery, store.Fold, log}.run,
			task{"the overview was not made ready", warmEvery, warm(cases), log}.run,
		},
		health: health, log: log,
	}
	if s.panelListener, err = listen("BILLING_ADMIN_ADDR", cfg.AdminAddr); err != nil {
		return err
	}
	defer func() { _ = s.panelListener.Close() }()
	if s.opsListener, err = listen("BILLING_OPS_ADDR", cfg.OpsAddr); err != nil {
		return err
	}
	defer func() { _ = s.opsListener.Close() }()
	return s.run(ctx)
}

func listen(variable string, addr boot.Address) (net.Listener, error) {
	l, err := net.Listen("tcp", string(addr))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s=%s is in use by another process: stop that one or choose another address", variable, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", variable, addr, err)
	}
	return l, nil
}

// server is an HTTP server that nobody can keep busy by being slow.
func server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      longest,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // mostly of clients that hang up
	}
}

// service is all that runs.
type service struct {
	panel, ops                 *http.Server
	panelListener, opsListener net.Listener
	background                 []func(context.Context)
	health                     *health
	log                        *slog.Logger
}

// run serves until ctx ends or a part fails, then lets requests finish.
func (s service) run(ctx context.Context) error {
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return serveOn(s.panel, s.panelListener) })
	g.Go(func() error { return serveOn(s.ops, s.opsListener) })
	for _, f := range s.background {
		g.Go(func() error { f(running); return nil })
	}
	g.Go(func() error {
		<-running.Done()
		return s.shutdown(context.WithoutCancel(ctx))
	})
	s.log.Info("billing-admin is up", "version", boot.Version(),
		"admin_addr", s.panelListener.Addr().String(), "ops_addr", s.opsListener.Addr().String())
	err := g.Wait()
	s.log.Info("billing-admin has stopped")
	return err
}

func serveOn(s *http.Server, l net.Listener) error {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s service) shutdown(ctx context.Context) error {
	s.log.Info("billing-admin stops; requests under way are finished")
	s.health.stopping.Store(true)
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	err := s.panel.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off after %v: %w", longest, err), s.panel.Close())
	}
	return errors.Join(err, s.ops.Close())
}

// warm looks at the overview, so that what takes long to count is counted before
// anybody waits for it.
func warm(p app.Panel) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := p.Dashboard(ctx, app.Operator{Name: "billing-admin", Role: app.RoleViewer})
		return err
	}
}

// task is something to do now and then.
type task struct {
	failure string // what is logged when it fails
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
		if err != nil && !failing && ctx.Err() == nil { // once for each outage
			t.log.Error(t.failure+"; it is tried again", "error", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
