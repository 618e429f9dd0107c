// Command billing-admin serves the admin panel.
//
//	environment ─ config ─ pool (role billing_panel) ─ store ─┬─ app.Panel ─┐
//	                                                          └─ app.Door ──┴─ admin ─ panel listener
//	                                                            └─ fold                ops listener
//
// It holds no payment system, and its database role can read neither tokens nor
// card numbers. It starts and stays up without its database, says so on every
// page meanwhile, and is back by itself.
//
// Not here: what is shown (adapters/admin), who may do what (core/app).
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

const usage = `billing-admin serves the admin panel. It takes no arguments: everything is said in
the environment. A wrong or missing value is refused at start. People who may sign
in are added with 'billingctl admin-user add'.

  BILLING_DATABASE_URL   Postgres URL (or BILLING_DATABASE_URL_FILE)

  BILLING_ENV            production, dev or test (default production); in production
                         browsers must reach the panel over TLS, through a proxy
  BILLING_ADMIN_ADDR     listener of the panel (default 127.0.0.1:8081)
  BILLING_TRUSTED_PROXIES
                         addresses or networks whose X-Forwarded-For is believed
                         (default none)
  BILLING_OPS_ADDR       listener of /livez, /readyz and /metrics
                         (default 127.0.0.1:9090)
  BILLING_TIME_ZONE      where days begin, and which times are shown (default UTC)
  BILLING_CLOCK          system, or test: the clock that billingctl sets
  BILLING_SIMULATOR      on or off (default off in production, else on)
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
                         OpenTelemetry collector to send traces to, OTLP over HTTP
                         (default none)
  OTEL_TRACES_SAMPLER    which traces (default 10 a second at most)
  BILLING_LOG_LEVEL      debug, info, warn or error (default info)
  BILLING_LOG_FORMAT     json or text (default json)

  --help, --version
`

// run is the program: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := boot.Program{Name: "billing-admin", Usage: usage}
	return boot.Run(p, args, environ, stdout, stderr, func(cfg boot.Admin, log *slog.Logger) int {
		if err := serve(ctx, cfg, log); err != nil {
			log.Error("billing-admin failed", "error", err)
			return boot.Failed
		}
		return boot.OK
	})
}
