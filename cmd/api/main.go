// Command billing-api serves the HTTP API for viewers.
//
//	environment ─ config ─┬─ pool ─ store ─┐
//	                      ├─ payment systems ─ collector ─ subscriber ─ httpapi ─ API listener
//	                      └─ verifier ─────┘       └─ sweeper                ops listener
//
// Without its database it starts and keeps running; it answers 503 "unavailable"
// and recovers when the database is back. On SIGTERM it finishes the requests in
// flight.
//
// Not here: the endpoints (adapters/httpapi), renewals (cmd/renew), the panel
// (cmd/admin).
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

const about = `billing-api serves the HTTP API for viewers. It takes no arguments: environment
variables configure it. With a wrong or missing value it does not start, and lists
all faults.
`

// run runs the program and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := boot.Program{Name: "billing-api", About: about}
	return boot.Run(p, args, environ, stdout, stderr, func(cfg boot.API, log *slog.Logger) int {
		boot.TuneForLatency()
		if err := serve(ctx, cfg, log); err != nil {
			log.Error("billing-api failed", "error", err)
			return boot.Failed
		}
		return boot.OK
	})
}
