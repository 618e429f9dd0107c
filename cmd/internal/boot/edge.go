package boot

import (
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Edge holds the settings of the API's public side: TLS, rate limits, proxies and
// the shutdown.
type Edge struct {
	Proxies
	TLSCertFile   string   `env:"BILLING_TLS_CERT_FILE" helpDefault:"none: plain HTTP" help:"PEM file with the certificate for HTTPS. It may be replaced at run time"`
	TLSKeyFile    string   `env:"BILLING_TLS_KEY_FILE" helpDefault:"none: plain HTTP" help:"PEM file with the certificate's private key"`
	CORSOrigins   Origins  `env:"BILLING_CORS_ORIGINS" helpDefault:"none" must:"be origins as browsers send them, with commas between them, such as https://cinema.example,http://localhost:5173" help:"Origins whose web pages may call the API (CORS)"`
	ReturnURLs    Prefixes `env:"BILLING_RETURN_URLS" helpDefault:"none in production, else any" must:"be beginnings of addresses with a slash after the host and commas between them, such as https://cinema.example/" help:"Addresses that a return_url must begin with: pages to which viewers return from a payment system"`
	RateUser      Rate     `env:"BILLING_RATE_USER" helpDefault:"300/m in production, else off" must:"be off, or requests a second, minute or hour such as 10/s, 300/m, 5000/h" help:"Rate limit of one viewer"`
	RateAddress   Rate     `env:"BILLING_RATE_ADDRESS" helpDefault:"6000/m in production, else off" must:"be off, or requests a second, minute or hour such as 10/s, 300/m, 5000/h" help:"Rate limit of one network address"`
	ShutdownDelay Delay    `env:"BILLING_SHUTDOWN_DELAY" helpDefault:"5s in production, else 0s" must:"be a duration of zero to a minute, such as 5s" help:"Time after SIGTERM during which new requests are still accepted while /readyz fails"`
}

func (e Edge) check(f *faults) {
	switch {
	case (e.TLSCertFile == "") != (e.TLSKeyFile == ""):
		f.add("BILLING_TLS_CERT_FILE=%q and BILLING_TLS_KEY_FILE=%q must both be set or neither", e.TLSCertFile, e.TLSKeyFile)
	case e.TLSCertFile != "":
		_, err := e.readPair()
		f.need(err == nil, "BILLING_TLS_CERT_FILE=%q and BILLING_TLS_KEY_FILE=%q cannot be used: %v",
			e.TLSCertFile, e.TLSKeyFile, err)
	}
}

// The default limits in production. They are far above the needs of a viewer's
// application and far below the capacity of the service. Other environments have
// no limit by default.
var (
	userRate    = Rate{Requests: 300, Per: time.Minute, set: true}
	addressRate = Rate{Requests: 6000, Per: time.Minute, set: true}
)

// drainDelay is the default shutdown delay in production. It gives load balancers
// the time to notice that /readyz fails before the listener closes.
const drainDelay = 5 * time.Second

// Rates returns the request limits, with the defaults of env.
func (e Edge) Rates(env Env) (perUser, perAddress Rate) {
	return e.RateUser.orDefault(env, userRate), e.RateAddress.orDefault(env, addressRate)
}

// DrainDelay returns how long the service accepts requests after SIGTERM.
func (e Edge) DrainDelay(env Env) time.Duration {
	if !e.ShutdownDelay.set && env == Production {
		return drainDelay
	}
	return e.ShutdownDelay.d
}

// Certificates returns the certificate to serve with, or nil for plain HTTP.
func (e Edge) Certificates(log *slog.Logger) (*Certificates, error) {
	if e.TLSCertFile == "" {
		return nil, nil //nolint:nilnil // nil is plain HTTP
	}
	return newCertificates(e, time.Now, log)
}

// URL returns the address of a listener as a browser on this machine reaches it.
func (e Edge) URL(a Address) string {
	if e.TLSCertFile == "" {
		return a.URL()
	}
	return "https" + strings.TrimPrefix(a.URL(), "http")
}

// Rate is a number of requests per period. The zero value is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
	set      bool // by the environment
}

const maxRate = 1_000_000_000

// UnmarshalText parses a rate such as 300/m, or off.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = Rate{set: true}
		return nil
	}
	count, unit, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(count)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if err != nil || n < 1 || n > maxRate || per == 0 {
		return errInvalid
	}
	*r = Rate{n, per, true}
	return nil
}

func (r Rate) orDefault(env Env, inProduction Rate) Rate {
	if !r.set && env == Production {
		return inProduction
	}
	return r
}

// Proxies holds the networks of the trusted proxies.
type Proxies struct {
	TrustedProxies Networks `env:"BILLING_TRUSTED_PROXIES" helpDefault:"none" must:"be addresses or networks with commas between them, such as 10.0.0.0/8,192.0.2.7" help:"Proxies whose X-Forwarded-For is used"`
}

// Networks is a list of networks. A single address is a network of one.
type Networks []netip.Prefix

// UnmarshalText parses a comma-separated list.
func (n *Networks) UnmarshalText(text []byte) error {
	var all Networks
	for word := range strings.SplitSeq(string(text), ",") {
		word = strings.TrimSpace(word)
		prefix, err := netip.ParsePrefix(word)
		if err != nil {
			addr, err := netip.ParseAddr(word)
			if err != nil {
				return errInvalid
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix.Masked())
	}
	*n = all
	return nil
}

// Delay is a duration of zero to a minute.
type Delay struct {
	d   time.Duration
	set bool // by the environment
}

// UnmarshalText parses a duration.
func (p *Delay) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 || d > time.Minute {
		return errInvalid
	}
	*p = Delay{d, true}
	return nil
}
