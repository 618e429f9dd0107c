// Package dev runs the complete service on one machine without any setup, for a
// demonstration or for development. It implements `make run`.
//
//	folder ─ Postgres ─ schema ─ demo catalogue ─ demo logins ─ billing-api, billing-admin ─ banner ─ renewals
//
// All processes that it starts end with it, even after kill -9. The data stays in its
// folder for the next run, unless it is ephemeral.
//
// Not here: finding and starting Postgres (adapters/postgres/local), and everything
// that production needs.
package dev

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/local"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// Options configures Run.
type Options struct {
	DatabaseURL boot.DatabaseURL // used instead of a private Postgres if set
	Data        string           // data folder; empty for the default
	Ephemeral   bool             // use a new folder and delete it at the end
	APIAddr     boot.Address     // port 0 means a free port
	AdminAddr   boot.Address
	OpsAddr     boot.Address // of the API

	Environ        []string // for the programs; the settings of this package override it
	Programs       string   // folder of billing-api, billing-admin and billing-renew
	Self           string   // path of this program, for the banner
	Stdout, Stderr io.Writer

	panelOps boot.Address // listener of the panel's probes
}

// Run runs the service until ctx ends. It returns an error if a part fails earlier.
func Run(ctx context.Context, o Options) error {
	err := run(ctx, o)
	if ctx.Err() != nil {
		return nil // stopped on request, possibly during the start
	}
	return err
}

func run(ctx context.Context, o Options) (err error) {
	o.panelOps = "127.0.0.1:0"
	run, err := o.programs()
	if err != nil {
		return err
	}
	if err := o.checkAddresses(ctx); err != nil {
		return err
	}
	home, err := openFolder(o)
	if err != nil {
		return err
	}
	defer home.close()

	url, closeDatabase, err := o.database(ctx, home)
	if err != nil {
		return err
	}
	defer closeDatabase()
	demo, err := prepare(ctx, url, home)
	if err != nil {
		return err
	}
	service, err := o.start(run.api, url, demo)
	if err != nil {
		return err
	}
	defer service.stop()
	panel, err := o.start(run.admin, url, demo, o.panelEnviron()...)
	if err != nil {
		return err
	}
	defer panel.stop()
	if err := service.waitReady(ctx, o.OpsAddr.URL()+"/readyz"); err != nil {
		return err
	}
	if err := panel.waitReady(ctx, o.panelOps.URL()+"/readyz"); err != nil {
		return err
	}
	if err := o.banner(url, home, demo); err != nil {
		return err
	}
	defer background(ctx, o.Stderr, func(ctx context.Context) error { return o.renewals(ctx, run.renew, url, demo) })()
	return watch(ctx, service, panel)
}

// database returns the URL of the database and a function that stops a private
// Postgres.
func (o Options) database(ctx context.Context, home folder) (url string, closeIt func(), err error) {
	if !o.DatabaseURL.IsZero() {
		return o.DatabaseURL.Reveal(), func() {}, nil
	}
	server, err := local.Open(ctx, local.Config{
		Dir: home.postgres(), Durable: !o.Ephemeral, Ephemeral: o.Ephemeral, Download: true,
		Announce: func(line string) { o.printf("%s", line) },
	})
	if err != nil {
		return "", nil, err
	}
	return server.URL(), func() {
		if err := server.Close(); err != nil {
			o.printf("stopping Postgres: %v", err)
		}
	}, nil
}

// prepare applies migrations and adds the demo data that is missing.
func prepare(ctx context.Context, url string, home folder) (demo, error) {
	if _, err := postgres.Migrate(ctx, url, slog.New(slog.DiscardHandler)); err != nil {
		return demo{}, err
	}
	if err := fillCatalog(ctx, url); err != nil {
		return demo{}, fmt.Errorf("demo catalogue: %w", err)
	}
	d, err := newDemo(home.keys())
	if err != nil {
		return demo{}, fmt.Errorf("demo login: %w", err)
	}
	if d.panelPassword, err = addAdmin(ctx, url, home.keys()); err != nil {
		return demo{}, fmt.Errorf("panel login: %w", err)
	}
	return d, nil
}

func (o Options) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Stderr, "billingctl dev: "+format+"\n", args...)
}
