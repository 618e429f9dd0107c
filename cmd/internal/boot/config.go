package boot

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// Service is what every binary is told.
type Service struct {
	Env       Env        `env:"BILLING_ENV" envDefault:"production" must:"be production, dev or test"`
	LogLevel  slog.Level `env:"BILLING_LOG_LEVEL" envDefault:"info" must:"be debug, info, warn or error"`
	LogFormat LogFormat  `env:"BILLING_LOG_FORMAT" envDefault:"json" must:"be json or text"`
}

// Database is where everything is kept.
type Database struct {
	DatabaseURL DatabaseURL `env:"BILLING_DATABASE_URL,required" must:"be a Postgres URL such as postgres://user:password@host:5432/billing (or put it into a file and name that in BILLING_DATABASE_URL_FILE)"`
}

// Time is what billing goes by.
type Time struct {
	Clock ClockName `env:"BILLING_CLOCK" envDefault:"system" must:"be system or test"`
}

func (t Time) check(f *faults, env Env) {
	f.need(env != Production || t.Clock != TestClock,
		"BILLING_CLOCK=%q is refused with BILLING_ENV=%q: whoever sets that clock charges every viewer", t.Clock, env)
}

// Rules is what billing decides by.
type Rules struct {
	Time
	TimeZone TimeZone `env:"BILLING_TIME_ZONE" envDefault:"UTC" must:"be an IANA time zone such as UTC or Europe/Moscow"`
	Retries  Retries  `env:"BILLING_RETRY_SCHEDULE" envDefault:"24h,72h,120h,168h" must:"be durations from the due date, each longer than the one before and none than 28d, such as 24h,72h,7d"`
}

// Charging is how money is asked for.
type Charging struct {
	Simulator       Switch           `env:"BILLING_SIMULATOR" must:"be on or off"`
	SimulatorFaults SimulatorFaults  `env:"BILLING_SIMULATOR_MISHAPS" must:"be such as lose_answers=0.3,latency=20ms,seed=7: of lose_answers, break_answers, nonsense, lose_requests, unavailable, credentials, other_amounts, charge_twice, lose_lookups (probabilities), latency, hold_lost (durations) and seed"`
	ChargeTimeout   PositiveDuration `env:"BILLING_CHARGE_TIMEOUT" envDefault:"10s" must:"be a duration of more than zero, such as 10s"`
}

func (c Charging) check(f *faults, env Env) {
	f.need(env != Production || c.Simulator != "on",
		"BILLING_SIMULATOR=%q is refused with BILLING_ENV=%q: whoever knows the word tok_ok would watch for nothing", c.Simulator, env)
}

// UseSimulator tells whether the imitated payment system may be used.
func (c Charging) UseSimulator(env Env) bool {
	return env != Production && c.Simulator.Or(true)
}

// Auth is whose tokens are accepted.
type Auth struct {
	PublicKeyFile string        `env:"BILLING_AUTH_PUBLIC_KEY_FILE"`
	JWKSURL       string        `env:"BILLING_AUTH_JWKS_URL"`
	Issuer        string        `env:"BILLING_AUTH_ISSUER,required" must:"be the iss of the auth service's tokens"`
	Audience      string        `env:"BILLING_AUTH_AUDIENCE,required" must:"be what the auth service's tokens name in aud for this service"`
	Leeway        time.Duration `env:"BILLING_AUTH_LEEWAY" envDefault:"30s" must:"be a duration such as 30s"`
}

// maxLeeway is more than two clocks that somebody looks after differ by.
const maxLeeway = 10 * time.Minute

func (a Auth) check(f *faults, env Env) {
	f.need(a.Leeway >= 0 && a.Leeway <= maxLeeway, "BILLING_AUTH_LEEWAY=%v must be 0s to %v", a.Leeway, maxLeeway)
	switch {
	case a.PublicKeyFile == "" && a.JWKSURL == "":
		f.add("BILLING_AUTH_PUBLIC_KEY_FILE and BILLING_AUTH_JWKS_URL are not set: " +
			"one of them must name the auth service's public key, as a PEM file or as its JWKS")
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

// checkPublicKey reads the key as the verifier will.
func checkPublicKey(path string) error {
	_, err := auth.New(context.Background(), auth.Config{PublicKeyFile: path, Issuer: "-", Audience: "-", Now: time.Now})
	return err
}

// AuthConfig is what the verifier needs of it.
func (a Auth) AuthConfig(env Env, log *slog.Logger) auth.Config {
	return auth.Config{
		PublicKeyFile: a.PublicKeyFile, JWKSURL: a.JWKSURL, Issuer: a.Issuer, Audience: a.Audience,
		Leeway: a.Leeway, Now: time.Now, AllowHTTP: env != Production, Log: log,
	}
}

// API is the configuration of billing-api.
type API struct {
	Service
	Database
	Rules
	Charging
	Auth
	Vault
	CardLimits
	Edge
	Tracing
	APIAddr       Address          `env:"BILLING_API_ADDR" envDefault:":8080" must:"be host:port or :port"`
	OpsAddr       Address          `env:"BILLING_OPS_ADDR" envDefault:"127.0.0.1:9090" must:"be host:port or :port"`
	SweepInterval PositiveDuration `env:"BILLING_SWEEP_INTERVAL" envDefault:"5s" must:"be a duration of more than zero, such as 5s"`
}

func (c API) check(f *faults) {
	c.Rules.check(f, c.Env)
	c.Charging.check(f, c.Env)
	c.Auth.check(f, c.Env)
	c.Vault.check(f, c.Env)
	c.Edge.check(f)
	_, port, _ := net.SplitHostPort(string(c.APIAddr))
	f.need(c.APIAddr != c.OpsAddr || port == "0", "BILLING_API_ADDR and BILLING_OPS_ADDR are both %q: they need ports of their own", c.APIAddr)
}

// Renew is the configuration of billing-renew.
type Renew struct {
	Service
	Database
	Rules
	Charging
	Vault
	Tracing
}

func (c Renew) check(f *faults) {
	c.Rules.check(f, c.Env)
	c.Charging.check(f, c.Env)
	c.Vault.check(f, c.Env)
}

// Admin is the configuration of billing-admin.
type Admin struct {
	Service
	Database
	Rules
	Tracing
	Simulator Switch   `env:"BILLING_SIMULATOR" must:"be on or off"`
	AdminAddr Address  `env:"BILLING_ADMIN_ADDR" envDefault:"127.0.0.1:8081" must:"be host:port or :port"`
	OpsAddr   Address  `env:"BILLING_OPS_ADDR" envDefault:"127.0.0.1:9090" must:"be host:port or :port"`
	Proxies   Networks `env:"BILLING_TRUSTED_PROXIES" must:"be addresses or networks with commas between them, such as 10.0.0.0/8,192.0.2.7"`
}

func (c Admin) check(f *faults) {
	c.Rules.check(f, c.Env)
	_, port, _ := net.SplitHostPort(string(c.AdminAddr))
	f.need(c.AdminAddr != c.OpsAddr || port == "0", "BILLING_ADMIN_ADDR and BILLING_OPS_ADDR are both %q: they need ports of their own", c.AdminAddr)
}
