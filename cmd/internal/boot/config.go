package boot

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
)

// Service holds the settings that every program has.
type Service struct {
	Env       Env        `env:"BILLING_ENV" envDefault:"production" must:"be production, dev or test" help:"Environment. Production refuses the test clock and the simulator"`
	LogLevel  slog.Level `env:"BILLING_LOG_LEVEL" envDefault:"info" must:"be debug, info, warn or error" help:"Lowest level that is logged"`
	LogFormat LogFormat  `env:"BILLING_LOG_FORMAT" envDefault:"json" must:"be json or text" help:"Format of log lines"`
}

// Database holds the URL of the database.
type Database struct {
	DatabaseURL DatabaseURL `env:"BILLING_DATABASE_URL,required" must:"be a Postgres URL such as postgres://user:password@host:5432/billing, here or in a file that BILLING_DATABASE_URL_FILE names" help:"Database"`
}

// Time selects the clock of billing.
type Time struct {
	Clock ClockName `env:"BILLING_CLOCK" envDefault:"system" must:"be system or test" help:"Clock of billing. The test clock is set with billingctl clock"`
}

func (t Time) check(f *faults, env Env) {
	f.need(env != Production || t.Clock != TestClock,
		"BILLING_CLOCK=%q is refused with BILLING_ENV=%q: moving that clock charges every viewer", t.Clock, env)
}

// Rules holds the settings of the billing rules.
type Rules struct {
	Time
	TimeZone     TimeZone         `env:"BILLING_TIME_ZONE" envDefault:"UTC" must:"be an IANA time zone such as UTC or Europe/Moscow" help:"Time zone in which days and months are counted"`
	RenewalGrace PositiveDuration `env:"BILLING_RENEWAL_GRACE" envDefault:"24h" must:"be a duration above zero, such as 24h" help:"How long access goes on after a period while its renewal has not been tried"`
	Retries      Retries          `env:"BILLING_RETRY_SCHEDULE" envDefault:"24h,72h,120h,168h" must:"be durations from the due date, each longer than the one before and none longer than 28d, such as 24h,72h,7d" help:"Retries of a declined renewal"`
}

// Simulation switches the simulator on or off.
type Simulation struct {
	Simulator Switch `env:"BILLING_SIMULATOR" helpDefault:"off in production, else on" must:"be on or off" help:"Simulated payment system"`
}

// UseSimulator reports whether the simulator may be used. Production never uses it.
func (s Simulation) UseSimulator(env Env) bool {
	return env != Production && s.Simulator.Or(true)
}

// MigrationSets returns the sets of migrations that the environment needs.
func (s Simulation) MigrationSets(env Env) []postgres.MigrationSet {
	sets := []postgres.MigrationSet{postgres.ServiceMigrations}
	if s.UseSimulator(env) {
		sets = append(sets, postgres.SimulatorMigrations)
	}
	return sets
}

// Charging holds the settings of charges.
type Charging struct {
	Simulation
	SimulatorFaults SimulatorFaults  `env:"BILLING_SIMULATOR_MISHAPS" helpDefault:"none" must:"be pairs such as lose_answers=0.3,latency=20ms,seed=7; probabilities: lose_answers, break_answers, nonsense, lose_requests, unavailable, credentials, unknown_tokens, other_amounts, charge_twice, lose_lookups, fail_receipts; durations: latency, hold_lost, lag, horizon, receipt_delay; number: seed; word: receipts=full_payment or full_prepayment, which is no fault: the simulator needs receipts" help:"Faults that the simulator injects, for rehearsals and tests"`
	ChargeTimeout   PositiveDuration `env:"BILLING_CHARGE_TIMEOUT" envDefault:"10s" must:"be a duration of more than zero, such as 10s" help:"Time limit of one charge"`
}

func (c Charging) check(f *faults, env Env) {
	f.need(env != Production || c.Simulator != "on",
		"BILLING_SIMULATOR=%q is refused with BILLING_ENV=%q: with the token tok_ok every viewer could subscribe without paying", c.Simulator, env)
}

// Auth identifies the auth service, whose tokens the API accepts.
type Auth struct {
	PublicKeyFile string        `env:"BILLING_AUTH_PUBLIC_KEY_FILE" help:"PEM file with the auth service's RSA public key. Either this or BILLING_AUTH_JWKS_URL is required"`
	JWKSURL       string        `env:"BILLING_AUTH_JWKS_URL" help:"URL of the auth service's JWKS"`
	Issuer        string        `env:"BILLING_AUTH_ISSUER,required" must:"be the iss of the auth service's tokens" help:"Issuer of viewers' tokens"`
	Audience      string        `env:"BILLING_AUTH_AUDIENCE,required" must:"be the aud of the auth service's tokens for this service" help:"Audience of viewers' tokens"`
	DisplayClaim  string        `env:"BILLING_AUTH_DISPLAY_CLAIM" help:"Claim of viewers' tokens that is stored for the panel's search, such as email. Without it no such data is stored"`
	Leeway        time.Duration `env:"BILLING_AUTH_LEEWAY" envDefault:"30s" must:"be a duration of at most 10m, such as 30s" help:"Tolerated difference to the auth service's clock"`
}

// maxLeeway is more than the clocks of two maintained machines differ.
const maxLeeway = 10 * time.Minute

func (a Auth) check(f *faults, env Env) {
	f.need(a.Leeway >= 0 && a.Leeway <= maxLeeway, "BILLING_AUTH_LEEWAY=%v must be 0s to %v", a.Leeway, maxLeeway)
	switch {
	case a.PublicKeyFile == "" && a.JWKSURL == "":
		f.add("BILLING_AUTH_PUBLIC_KEY_FILE and BILLING_AUTH_JWKS_URL are not set: " +
			"set one of them to the auth service's public key, a PEM file or the URL of its JWKS")
	case a.PublicKeyFile != "" && a.JWKSURL != "":
		f.add("BILLING_AUTH_PUBLIC_KEY_FILE=%q and BILLING_AUTH_JWKS_URL=%q are both set: leave one out",
			a.PublicKeyFile, a.JWKSURL)
	case a.PublicKeyFile != "":
		err := checkPublicKey(a.PublicKeyFile)
		f.need(err == nil, "BILLING_AUTH_PUBLIC_KEY_FILE=%q cannot be used: %v", a.PublicKeyFile, cause(err))
	default:
		u, err := url.Parse(a.JWKSURL)
		ok := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && env != Production)
		f.need(ok, "BILLING_AUTH_JWKS_URL=%q must be an https URL (http too outside production)", a.JWKSURL)
	}
}

// checkPublicKey reads the key in the same way as the verifier.
func checkPublicKey(path string) error {
	_, err := auth.New(context.Background(), auth.Config{PublicKeyFile: path, Issuer: "-", Audience: "-", Now: time.Now})
	return err
}

// AuthConfig returns the configuration of the verifier.
func (a Auth) AuthConfig(env Env, log *slog.Logger) auth.Config {
	return auth.Config{
		PublicKeyFile: a.PublicKeyFile, JWKSURL: a.JWKSURL, Issuer: a.Issuer, Audience: a.Audience,
		DisplayClaim: a.DisplayClaim, Leeway: a.Leeway, Now: time.Now, AllowHTTP: env != Production, Log: log,
	}
}

// Ops holds the address of the operators' listener.
type Ops struct {
	OpsAddr Address `env:"BILLING_OPS_ADDR" envDefault:"127.0.0.1:9090" must:"be host:port or :port" help:"Listener of /livez, /readyz and /metrics. Prometheus itself listens on port 9090 by default: beside it, choose another port"`
}

// checkPublic adds a fault if the public listener has the same address.
func (o Ops) checkPublic(f *faults, variable string, public Address) {
	_, port, _ := net.SplitHostPort(string(public))
	f.need(public != o.OpsAddr || port == "0", "%s and BILLING_OPS_ADDR are both %q: choose different ports", variable, public)
}

// API is the configuration of billing-api.
type API struct {
	Service
	Database
	Auth
	Vault
	APIAddr Address `env:"BILLING_API_ADDR" envDefault:":8080" must:"be host:port or :port" help:"Listener of the API"`
	Ops
	Edge
	Rules
	Charging
	Accounts
	EntitlementKeyFile string           `env:"BILLING_ENTITLEMENT_KEY_FILE" helpDefault:"none: no offline tokens" help:"PEM file with the RSA private key that signs offline entitlement tokens. Further keys in it are only published at /v1/keys"`
	KeepPersonalData   KeepingTimes     `env:"BILLING_KEEP_PERSONAL_DATA" helpDefault:"for ever" must:"be pairs such as subject=1095d,display=365d,contact=1095d,notes=365d; each word once; durations of 1d or more" help:"How long personal data is kept: subject, display name and contact for receipts after the last visit and the end of the last subscription, notes after they were written. What is not named is kept for ever"`
	SweepInterval      PositiveDuration `env:"BILLING_SWEEP_INTERVAL" envDefault:"5s" must:"be a duration of more than zero, such as 5s" help:"Interval of the sweep, which looks up pending payments"`
	Webhooks
	CardLimits
	Tracing
}

func (c API) check(f *faults) {
	c.Rules.check(f, c.Env)
	c.Charging.check(f, c.Env)
	c.Accounts.check(f, c.Env)
	c.Auth.check(f, c.Env)
	if c.EntitlementKeyFile != "" {
		_, err := auth.LoadOfflineSigner(c.EntitlementKeyFile, "")
		f.need(err == nil, "BILLING_ENTITLEMENT_KEY_FILE=%q cannot be used: %v", c.EntitlementKeyFile, cause(err))
	}
	c.checkCards(f, c.Env)
	c.Edge.check(f)
	c.checkPublic(f, "BILLING_API_ADDR", c.APIAddr)
	f.need(c.Env != Production || len(c.ReturnURLs) > 0 || c.StripeKey.IsZero() && c.YooKassaKey.IsZero(),
		"BILLING_RETURN_URLS is not set: it must list the pages to which viewers return from Stripe or YooKassa, such as https://cinema.example/")
}

// Reminding holds the settings of reminders.
type Reminding struct {
	ReminderTimes  ReminderTimes  `env:"BILLING_REMINDERS" envDefault:"trial=7d,long=30d,price=30d,resume=3d" empty:"none" must:"be none, or pairs such as trial=7d,long=30d; each word once: trial, long, price, resume; durations of 1h to 180d" help:"How long before a charge the viewer is reminded of it: trial before a given period ends, long before a period of six months or more is charged. price and resume are for price changes and pauses, which do not exist yet. Empty: no reminders"`
	NoticeRequired NoticeDuration `env:"BILLING_NOTICE_REQUIRED" helpDefault:"none: a charge needs no reminder" must:"be a duration of 1h to 27d, such as 24h" help:"A renewal is charged only if its reminder has this age. Every renewal then has a reminder"`
}

// Reminders returns the rules of reminders.
func (r Reminding) Reminders() billing.ReminderRules {
	return billing.ReminderRules{Trial: r.ReminderTimes.trial, Long: r.ReminderTimes.long, Notice: time.Duration(r.NoticeRequired)}
}

// Renew is the configuration of billing-renew.
type Renew struct {
	Service
	Database
	Vault
	Rules
	Reminding
	Charging
	Accounts
	Tracing
}

func (c Renew) check(f *faults) {
	c.Rules.check(f, c.Env)
	c.Charging.check(f, c.Env)
	c.Accounts.check(f, c.Env)
	c.checkTokens(f, c.Env)
}

// Admin is the configuration of billing-admin.
type Admin struct {
	Service
	Database
	AdminAddr Address `env:"BILLING_ADMIN_ADDR" envDefault:"127.0.0.1:8081" must:"be host:port or :port" help:"Listener of the panel"`
	Ops
	Proxies
	Rules
	Simulation
	SupportLimits SupportLimits `env:"BILLING_SUPPORT_LIMITS" envDefault:"give=7d,refund=1000.00 RUB/day" must:"be limits with commas between them: give=7d once, refund=1000.00 RUB/day once for each currency" help:"What an operator of the support may do in a day without a second person: days for one viewer, and refunds. A currency without a limit always needs a second person"`
	Factors
	Tracing
}

func (c Admin) check(f *faults) {
	c.Rules.check(f, c.Env)
	c.Factors.check(f, c.Env)
	c.checkPublic(f, "BILLING_ADMIN_ADDR", c.AdminAddr)
}
