package boot

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/core/billing"
)

// errInvalid is the error of every value below: what it should have been stands
// beside the field that it is for.
var errInvalid = errors.New("wrong value")

// Env is the surroundings that a binary runs in.
type Env string

// What is for trying things out is refused in production.
const (
	Production Env = "production"
	Dev        Env = "dev"
	Test       Env = "test"
)

// UnmarshalText reads the name of an environment.
func (e *Env) UnmarshalText(text []byte) error {
	switch v := Env(text); v {
	case Production, Dev, Test:
		*e = v
		return nil
	}
	return errInvalid
}

// DatabaseURL is a secret, because it may have a password in it.
type DatabaseURL struct{ billing.Secret }

// UnmarshalText takes what Postgres takes: a URL, of several hosts too, or
// words such as host=db user=billing.
func (u *DatabaseURL) UnmarshalText(text []byte) error {
	if _, err := pgxpool.ParseConfig(string(text)); err != nil {
		return errInvalid // and not err, which may quote it
	}
	u.Secret = billing.NewSecret(string(text))
	return nil
}

// Address is where a listener listens: host:port, or :port for all hosts.
type Address string

// UnmarshalText reads an address.
func (a *Address) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return errInvalid
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errInvalid
	}
	*a = Address(text)
	return nil
}

// URL is how a browser on this machine gets to a listener at the address.
func (a Address) URL() string {
	host, port, _ := net.SplitHostPort(string(a)) // checked when it was read
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// TimeZone is where days and months are counted.
type TimeZone struct{ *time.Location }

// UnmarshalText reads the name of an IANA time zone. The machine's own zone is
// none: two machines would count differently.
func (z *TimeZone) UnmarshalText(text []byte) error {
	loc, err := time.LoadLocation(string(text))
	if err != nil || string(text) == "Local" {
		return errInvalid
	}
	z.Location = loc
	return nil
}

// Switch is on, off, or left to a default.
type Switch string

// UnmarshalText reads on or off.
func (s *Switch) UnmarshalText(text []byte) error {
	if v := Switch(text); v == "on" || v == "off" {
		*s = v
		return nil
	}
	return errInvalid
}

// Or tells whether it is on, or what it is by default.
func (s Switch) Or(byDefault bool) bool {
	if s == "" {
		return byDefault
	}
	return s == "on"
}

// PositiveDuration is a duration that is more than zero.
type PositiveDuration time.Duration

// UnmarshalText reads a duration such as 30s.
func (s *PositiveDuration) UnmarshalText(text []byte) error {
	d, err := ParseDuration(string(text))
	if err != nil || d <= 0 {
		return errInvalid
	}
	*s = PositiveDuration(d)
	return nil
}

// ParseDuration is [time.ParseDuration] that also takes whole days of 24 hours,
// in front of the rest: 31d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil || rest == "" {
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(rest)
	if d < 0 {
		err = errInvalid
	}
	return time.Duration(n)*24*time.Hour + d, err
}

// Retries is when declined renewals are tried again.
type Retries struct{ billing.RetrySchedule }

// UnmarshalText reads durations with commas between them.
func (r *Retries) UnmarshalText(text []byte) error {
	var steps []time.Duration
	for word := range strings.SplitSeq(string(text), ",") {
		d, err := ParseDuration(strings.TrimSpace(word))
		if err != nil {
			return errInvalid
		}
		steps = append(steps, d)
	}
	var err error
	if r.RetrySchedule, err = billing.NewRetrySchedule(steps...); err != nil {
		return errInvalid
	}
	return nil
}

// ClockName names a clock.
type ClockName string

// The machine's clock, and the one in the database that can be set.
const (
	SystemClock ClockName = "system"
	TestClock   ClockName = "test"
)

// UnmarshalText reads the name of a clock.
func (c *ClockName) UnmarshalText(text []byte) error {
	if v := ClockName(text); v == SystemClock || v == TestClock {
		*c = v
		return nil
	}
	return errInvalid
}
