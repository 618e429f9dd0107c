// Command billing-api serves viewers over HTTP.
//
//	environment ─ config ─┬─ pool ─ store ─┐
//	                      ├─ payment systems ─ collector ─ subscriber ─ httpapi ─ API listener
//	                      └─ verifier ─────┘       └─ sweeper                ops listener
//
// It starts and stays up without its database, answers "unavailable" meanwhile,
// and is back by itself. SIGTERM lets the requests finish that are under way.
//
// Not here: what is served (adapters/httpapi), renewals (cmd/renew), the panel
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

const usage = `billing-api serves viewers over HTTP. It takes no arguments: everything is said
in the environment. A wrong or missing value is refused at start.

  BILLING_DATABASE_URL          Postgres URL
  BILLING_AUTH_PUBLIC_KEY_FILE  the auth service's RSA public key (PEM), or
  BILLING_AUTH_JWKS_URL         its JWKS
  BILLING_AUTH_ISSUER           the iss that tokens must carry
  BILLING_AUTH_AUDIENCE         the aud that tokens must carry

  BILLING_VAULT_KEYSET_FILE     keys that seal card numbers and payment tokens, and
  BILLING_VAULT_KEK_FILE        the key that encrypts those; both are required in
                                production, and made by billingctl vault keygen

  BILLING_ENV                   production, dev or test (default production)
  BILLING_API_ADDR              listener of the API (default :8080)
  BILLING_OPS_ADDR              listener of /livez, /readyz and /metrics
                                (default 127.0.0.1:9090)
  BILLING_TLS_CERT_FILE, BILLING_TLS_KEY_FILE
                                serve HTTPS; the files may be replaced while it runs
  BILLING_RATE_USER             requests of one viewer, such as 10/s, 300/m, 5000/h or off
                                (default 300/m in production, else off)
  BILLING_RATE_ADDRESS          requests from one network address
                                (default 6000/m in production, else off)
  BILLING_TRUSTED_PROXIES       addresses or networks whose X-Forwarded-For is believed
  BILLING_SHUTDOWN_DELAY        how long requests are taken after SIGTERM, while readyz
                                says no already
                                (default 5s in production, else 0s)
  BILLING_AUTH_LEEWAY           how far the issuer's clock may be off (default 30s)
  BILLING_TIME_ZONE             where months are counted (default UTC)
  BILLING_RETRY_SCHEDULE        when a declined renewal is tried again
                                (default 24h,72h,120h,168h)
  BILLING_CLOCK                 system, or test: the clock that billingctl sets
  BILLING_SIMULATOR             on or off (default off in production, else on)
  BILLING_SIMULATOR_MISHAPS     what goes wrong there, such as
                                lose_answers=0.3,latency=20ms,seed=7
  BILLING_CHARGE_TIMEOUT        how long one charge may take (default 10s)
  BILLING_SWEEP_INTERVAL        how often unsettled payments are looked up (default 5s)
  BILLING_LIMIT_CARDS_PER_HOUR, BILLING_LIMIT_CARDS_PER_DAY
                                new cards of one viewer (default 5, 10; 0 is no limit)
  BILLING_LIMIT_DECLINES_PER_HOUR, BILLING_LIMIT_DECLINES_PER_DAY
                                declined payments with a card (default 5, 10)
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
                                OpenTelemetry collector to send traces to, OTLP over HTTP
                                (default none)
  OTEL_TRACES_SAMPLER           which traces (default 10 a second at most)
  BILLING_LOG_LEVEL             debug, info, warn or error (default info)
  BILLING_LOG_FORMAT            json or text (default json)

BILLING_DATABASE_URL_FILE may name a file that holds the URL.

  --help, --version
`

// run is the program: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := boot.Program{Name: "billing-api", Usage: usage}
	return boot.Run(p, args, environ, stdout, stderr, func(cfg boot.API, log *slog.Logger) int {
		boot.TuneForLatency()
		if err := serve(ctx, cfg, log); err != nil {
			log.Error("billing-api failed", "error", err)
			return boot.Failed
		}
		return boot.OK
	})
}
