package boot

import (
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Edge is what stands between the API and the internet.
type Edge struct {
	TLSCertFile    string   `env:"BILLING_TLS_CERT_FILE"`
	TLSKeyFile     string   `env:"BILLING_TLS_KEY_FILE"`
	RateUser       Rate     `env:"BILLING_RATE_USER" must:"be off, or requests a second, minute or hour such as 10/s, 300/m, 5000/h"`
	RateAddress    Rate     `env:"BILLING_RATE_ADDRESS" must:"be off, or requests a second, minute or hour such as 10/s, 300/m, 5000/h"`
	TrustedProxies Networks `env:"BILLING_TRUSTED_PROXIES" must:"be addresses or networks with commas between them, such as 10.0.0.0/8,192.0.2.7"`
	ShutdownDelay  Delay    `env:"BILLING_SHUTDOWN_DELAY" must:"be a duration of zero to a minute, such as 5s"`
}

func (s Edge) check(f *faults) {
	switch {
	case (s.TLSCertFile == "") != (s.TLSKeyFile == ""):
		f.add("BILLING_TLS_CERT_FILE=%q and BILLING_TLS_KEY_FILE=%q must both be set or neither", s.TLSCertFile, s.TLSKeyFile)
	case s.TLSCertFile != "":
		_, err := s.readPair()
		f.need(err == nil, "BILLING_TLS_CERT_FILE=%q and BILLING_TLS_KEY_FILE=%q cannot be used: %v",
			s.TLSCertFile, s.TLSKeyFile, err)
	}
}

// What production has unless told otherwise: far above what a viewer's
// application needs, far below what hurts. Outside it nothing is limited.
var (
	userRate    = Rate{Requests: 300, Per: time.Minute, given: true}
	addressRate = Rate{Requests: 6000, Per: time.Minute, given: true}
)

// lameDuck is how long production goes on serving after SIGTERM, so that load
// balancers see that it is not ready any more before it takes no connections.
const lameDuck = 5 * time.Second

// Rates is how often the API may be asked.
func (s Edge) Rates(env Env) (perUser, perAddress Rate) {
	return s.RateUser.or(env, userRate), s.RateAddress.or(env, addressRate)
}

// Delay is how long the service goes on serving when it is to stop.
func (s Edge) DrainDelay(env Env) time.Duration {
	if !s.ShutdownDelay.given && env == Production {
		return lameDuck
	}
	return s.ShutdownDelay.d
}

// Certificates returns what to listen with; nil for plain HTTP.
func (s Edge) Certificates(log *slog.Logger) (*Certificates, error) {
	if s.TLSCertFile == "" {
		return nil, nil //nolint:nilnil // nothing is what there is
	}
	return newCertificates(s, time.Now, log)
}

// URL is how a browser on this machine gets to a listener at the address.
func (s Edge) URL(a Address) string {
	if s.TLSCertFile == "" {
		return a.URL()
	}
	return "https" + strings.TrimPrefix(a.URL(), "http")
}

// Rate is so many requests in so much time; no requests is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
	given    bool
}

const maxRate = 1_000_000_000

// UnmarshalText reads 300/m and the like, or off.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = Rate{given: true}
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

func (r Rate) or(env Env, inProduction Rate) Rate {
	if !r.given && env == Production {
		return inProduction
	}
	return r
}

// Networks are networks, and single addresses as networks of one.
type Networks []netip.Prefix

// UnmarshalText reads them with commas between them.
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

// Delay is a duration that may be zero.
type Delay struct {
	d     time.Duration
	given bool
}

// UnmarshalText reads a duration of at most a minute.
func (p *Delay) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 || d > time.Minute {
		return errInvalid
	}
	*p = Delay{d, true}
	return nil
}
