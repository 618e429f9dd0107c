// Command billing-admin serves the admin panel.
//
//	environment ─ config ─ pool (role billing_panel) ─ store ─┬─ Panel, Catalog, PanelAuth ─ admin ─ panel listener
//	                                                          └─ fold                                 ops listener
//
// It has no access to payment systems, and its database role can read neither
// payment tokens nor card numbers. Without its database it starts and keeps running;
// every page shows the outage, and the panel recovers when the database is back.
//
// Not here: pages and forms (adapters/admin), permissions (core/operators).
package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func main() {
	boot.Harden()
	boot.Main(run)
}

const about = `billing-admin serves the admin panel. It takes no arguments: environment variables
configure it. With a wrong or missing value it does not start, and lists all faults.

In production browsers must reach the panel over TLS, through a proxy. Add the people
who may sign in with 'billingctl admin-user add'.
`

// run runs the program and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := boot.Program{Name: "billing-admin", About: about}
	return boot.Run(p, args, environ, stdout, stderr, func(cfg boot.Admin, log *slog.Logger) int {
		if err := serve(ctx, cfg, log); err != nil {
			log.Error("billing-admin failed", "error", err)
			return boot.Failed
		}
		return boot.OK
	})
}
