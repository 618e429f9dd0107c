// Package dev runs the whole service on one machine with nothing set up, to try
// it out and to develop it: what `make run` does.
//
//	folder ─ Postgres ─ schema ─ demo catalogue ─ demo logins ─ billing-api, billing-admin ─ banner ─ renewals
//
// Everything it starts is tied to it and ends with it, even by kill -9. The data
// stays in its folder for the next time, unless it is ephemeral.
//
// Not here: how Postgres is found and tied (adapters/postgres/local), and
// anything that production needs.
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

// Options says what to run, and where.
type Options struct {
	DatabaseURL boot.DatabaseURL // to be used instead of a Postgres of its own
	Data        string           // folder; "" is the usual one
	Ephemeral   bool             // a new folder that is deleted at the end
	APIAddr     boot.Address     // port 0 takes a free one
	AdminAddr   boot.Address
	OpsAddr     boot.Address // of the API

	Environ        []string // of the service; what is decided here wins
	Programs       string   // folder of billing-api, billing-admin and billing-renew
	Self           string   // this program, for the lines that are printed
	Stdout, Stderr io.Writer

	panelOps boot.Address // where the panel says that it is ready
}

// Run runs everything until ctx ends, or something ends that should not.
func Run(ctx context.Context, o Options) error {
	err := run(ctx, o)
	if ctx.Err() != nil {
		return nil // stopped as asked, be it in the middle of starting
	}
	return err
}

func run(ctx context.Context, o Options) (err error) {
	o.panelOps = "127.0.0.1:0"
	run, err := o.programs()
	if err != nil {
		return err
	}
	if err := o.claimAddresses(ctx); err != nil {
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

// database is the URL of the database to use.
func (o Options) database(ctx context.Context, home folder) (url string, closeIt func(), err error) {
	if !o.DatabaseURL.IsZero() {
		return o.DatabaseURL.Reveal(), func() {}, nil
	}
	server, err := local.Open(ctx, local.Config{
		Dir: home.postgres(), Durable: !o.Ephemeral, Ephemeral: o.Ephemeral, Download: true,
		Announce: func(line string) { o.tell("%s", line) },
	})
	if err != nil {
		return "", nil, err
	}
	return server.URL(), func() {
		if err := server.Close(); err != nil {
			o.tell("stopping Postgres: %v", err)
		}
	}, nil
}

// prepare brings schema and demo up to date.
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
	if d.panelPassword, err = letIn(ctx, url, home.keys()); err != nil {
		return demo{}, fmt.Errorf("panel login: %w", err)
	}
	return d, nil
}

func (o Options) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Stderr, "billingctl dev: "+format+"\n", args...)
}
