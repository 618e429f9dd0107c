package boot

import (
	"errors"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a container may lack the time zone database

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/core/billing"
)

// errInvalid is the error of all values below. The tag "must" of the field has
// the valid values.
var errInvalid = errors.New("invalid value")

// Env is the environment that a program runs in.
type Env string

// Production refuses the test clock, the simulator and demo data.
const (
	Production Env = "production"
	Dev        Env = "dev"
	Test       Env = "test"
)

// UnmarshalText parses the name of an environment.
func (e *Env) UnmarshalText(text []byte) error {
	switch v := Env(text); v {
	case Production, Dev, Test:
		*e = v
		return nil
	}
	return errInvalid
}

// DatabaseURL is a secret, because it may contain a password.
type DatabaseURL struct{ billing.Secret }

// UnmarshalText accepts what Postgres accepts: a URL, possibly with several hosts,
// or keywords such as host=db user=billing.
func (u *DatabaseURL) UnmarshalText(text []byte) error {
	if _, err := pgxpool.ParseConfig(string(text)); err != nil {
		return errInvalid // not err, which may quote the password
	}
	u.Secret = billing.NewSecret(string(text))
	return nil
}

// Address is the address of a listener: host:port, or :port for all interfaces.
type Address string

// UnmarshalText parses an address.
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

// URL returns the address of a listener as a browser on this machine reaches it.
func (a Address) URL() string {
	host, port, _ := net.SplitHostPort(string(a)) // UnmarshalText has checked it
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// TimeZone is the time zone in which days and months are counted.
type TimeZone struct{ *time.Location }

// Calendar returns the calendar that counts in the time zone.
func (z TimeZone) Calendar() billing.Calendar { return billing.NewCalendar(z.Location) }

// UnmarshalText parses the name of an IANA time zone. It refuses "Local", because
// two machines would count differently.
func (z *TimeZone) UnmarshalText(text []byte) error {
	loc, err := time.LoadLocation(string(text))
	if err != nil || string(text) == "Local" {
		return errInvalid
	}
	z.Location = loc
	return nil
}

// Switch is on, off, or empty for the default.
type Switch string

// UnmarshalText parses on or off.
func (s *Switch) UnmarshalText(text []byte) error {
	if v := Switch(text); v == "on" || v == "off" {
		*s = v
		return nil
	}
	return errInvalid
}

// Or reports whether the switch is on. An empty switch has the default.
func (s Switch) Or(byDefault bool) bool {
	if s == "" {
		return byDefault
	}
	return s == "on"
}

// PositiveDuration is a duration above zero.
type PositiveDuration time.Duration

// UnmarshalText parses a duration such as 30s.
func (s *PositiveDuration) UnmarshalText(text []byte) error {
	d, err := ParseDuration(string(text))
	if err != nil || d <= 0 {
		return errInvalid
	}
	*s = PositiveDuration(d)
	return nil
}

// ParseDuration is [time.ParseDuration] that also accepts days of 24 hours, as a
// whole number before the rest: 31d, 1d12h.
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

// Retries is the retry schedule of declined renewals.
type Retries struct{ billing.RetrySchedule }

// UnmarshalText parses a comma-separated list of durations.
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

// Limits of the times of reminders. A notice must be shorter than every period, so that it
// can be given after the one before.
const (
	minReminder = time.Hour
	maxReminder = 180 * 24 * time.Hour
	maxNotice   = 27 * 24 * time.Hour
)

// ReminderTimes are the times before a charge at which viewers are reminded, by the kind of
// the charge. A time of 0 makes no reminders.
type ReminderTimes struct{ trial, long, price, resume time.Duration }

// UnmarshalText parses pairs such as trial=7d,long=30d, or none.
func (t *ReminderTimes) UnmarshalText(text []byte) error {
	var times ReminderTimes
	if string(text) != "none" {
		words := map[string]*time.Duration{"trial": &times.trial, "long": &times.long, "price": &times.price, "resume": &times.resume}
		if err := parsePairs(text, minReminder, maxReminder, words); err != nil {
			return err
		}
	}
	*t = times
	return nil
}

// KeepingTimes are the times for which personal data is kept.
type KeepingTimes struct{ billing.KeepingTimes }

// minKeeping is longer than a program remembers what it has stored about a user.
const minKeeping = 24 * time.Hour

// UnmarshalText parses pairs such as subject=1095d,notes=365d.
func (k *KeepingTimes) UnmarshalText(text []byte) error {
	var times billing.KeepingTimes
	words := map[string]*time.Duration{"subject": &times.Subject, "display": &times.Display, "contact": &times.Contact, "notes": &times.Notes}
	if err := parsePairs(text, minKeeping, math.MaxInt64, words); err != nil {
		return err
	}
	k.KeepingTimes = times
	return nil
}

// parsePairs parses pairs of a word and a duration, such as trial=7d,long=30d. Each word
// may occur once. The least duration must be above zero.
func parsePairs(text []byte, least, most time.Duration, words map[string]*time.Duration) error {
	for pair := range strings.SplitSeq(string(text), ",") {
		word, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		d, err := ParseDuration(value)
		into, known := words[word]
		if err != nil || !known || *into != 0 || d < least || d > most {
			return errInvalid
		}
		*into = d
	}
	return nil
}

// NoticeDuration is the age that the reminder of a charge must have; 0 if none is required.
type NoticeDuration time.Duration

// UnmarshalText parses a duration such as 24h.
func (n *NoticeDuration) UnmarshalText(text []byte) error {
	d, err := ParseDuration(string(text))
	if err != nil || d < minReminder || d > maxNotice {
		return errInvalid
	}
	*n = NoticeDuration(d)
	return nil
}

// ClockName names the clock of billing.
type ClockName string

// The machine's clock, and the settable clock in the database.
const (
	SystemClock ClockName = "system"
	TestClock   ClockName = "test"
)

// UnmarshalText parses the name of a clock.
func (c *ClockName) UnmarshalText(text []byte) error {
	if v := ClockName(text); v == SystemClock || v == TestClock {
		*c = v
		return nil
	}
	return errInvalid
}
