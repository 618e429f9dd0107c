package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/httpapi"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// serve wires everything, top to bottom, and runs it until ctx ends.
func serve(ctx context.Context, cfg boot.API, log *slog.Logger) error {
	pool, err := postgres.Open(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer pool.Close()
	verifier, err := auth.New(ctx, cfg.AuthConfig(cfg.Env, log))
	if err != nil {
		return err
	}
	listeners, err := listen(cfg)
	if err != nil {
		return err
	}
	defer listeners.close()
	clock, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer closeClock()
	systems, err := boot.OpenSystems(ctx, boot.SystemsConfig{
		DatabaseURL: cfg.DatabaseURL, Clock: clock, Mishaps: cfg.Mishaps,
		ChargeTimeout: time.Duration(cfg.ChargeTimeout),
		PublicURL:     boot.Address(listeners.api.Addr().String()).URL(),
	}, cfg.UseSimulator(cfg.Env))
	if err != nil {
		return err
	}
	defer systems.Close()

	cases := newUseCases(cfg, postgres.NewStore(pool), clock, systems.Providers, log)
	api, err := cases.handler(verifier, log)
	if err != nil {
		return fmt.Errorf("API: %w", err)
	}
	health := newHealth(pool.Ping, verifier.Ready, cfg.DatabaseURL)
	s := &service{
		api: server(withPages(api, systems.Pages), longest(cfg), log),
		ops: server(health.handler(), time.Minute, log),
		background: []func(context.Context){
			sweeper{cases.subscriber.Collector, time.Duration(cfg.SweepInterval), log}.run,
			pruner{cases.requests, time.Hour, log}.run,
		},
		listeners: listeners, health: health, grace: longest(cfg), log: log,
	}
	return s.run(ctx)
}

// useCases is what the API offers.
type useCases struct {
	subscriber *app.Subscriber
	viewer     app.Viewer
	requests   app.Requests
	users      *app.Registry
}

func newUseCases(cfg boot.API, store app.Store, clock app.Clock, providers map[string]app.Provider, log *slog.Logger) useCases {
	return useCases{
		subscriber: &app.Subscriber{
			Store: store, Clock: clock, NewID: boot.NewID,
			Calendar:  billing.NewCalendar(cfg.TimeZone.Location),
			Collector: boot.NewCollector(cfg.Rules, cfg.Charging, store, clock, providers, log),
		},
		viewer:   app.Viewer{Store: store, Clock: clock},
		requests: app.Requests{Store: store},
		users:    &app.Registry{Store: store, Clock: clock},
	}
}

func (u useCases) handler(v *auth.Verifier, log *slog.Logger) (http.Handler, error) {
	return httpapi.New(httpapi.Config{
		Subscriber: u.subscriber, Viewer: u.viewer, Requests: u.requests, Users: u.users,
		Authenticate: authenticate(v), NewID: boot.NewID, Log: log,
	})
}

// authenticate turns a token into the viewer's id.
func authenticate(v *auth.Verifier) func(context.Context, string) (billing.UserID, error) {
	return func(ctx context.Context, token string) (billing.UserID, error) {
		claims, err := v.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return billing.UserID(auth.UserID(claims.Subject)), nil
	}
}

// withPages serves the pages of payment systems beside the API.
func withPages(api http.Handler, pages map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api)
	for path, page := range pages {
		mux.Handle(path+"/", page)
	}
	return mux
}

// longest is how long a request may take: a charge and everything around it.
func longest(cfg boot.API) time.Duration {
	return max(30*time.Second, time.Duration(cfg.ChargeTimeout)+2*boot.RecordTimeout)
}
