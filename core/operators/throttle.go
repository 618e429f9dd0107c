package operators

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// Throttle limits the sign-ins of the panel. Guessing passwords becomes slow, but
// the attempts of others never keep a user out for long:
//
//	account and network  after 5 failures refused for 1 minute; each further failure doubles the time, up to 1 hour
//	account and device   the same for a device that signed in to the account before
//	network              20 attempts, then one every 6 seconds
//	account              after 10 failures one attempt every 2 seconds, after a pause; one code a minute
//	concurrency          2 attempts per network or device; 8 of known devices and 8 of others in all
//
// The limits of the network and of the account do not apply to known devices. A
// network is an IPv4 address or the /64 of an IPv6 address.
//
// The counters are in memory: each process has its own, and a restart clears them.
type Throttle struct {
	// Wait pauses an attempt. It returns an error if the context ends first.
	// [NewThrottle] sets it to [ports.Wait].
	Wait func(ctx context.Context, d time.Duration) error

	mu       sync.Mutex
	networks counters       // by network: attempts
	accounts counters       // by account, and by account and network or device: failures
	running  map[string]int // attempts by network or device
	queued   map[bool]int   // attempts that compare passwords; true for known devices
}

const (
	freeFailures    = 5 // per account and network or device
	shortestRefusal = time.Minute
	longestRefusal  = time.Hour

	networkBurst    = 20
	networkInterval = 6 * time.Second

	accountFailures = 10
	accountInterval = 2 * time.Second
	codeInterval    = time.Minute // three of a million codes are valid, so a day of guesses has a chance of 0.5 %
	longestPause    = 6 * time.Second

	auditBurst    = 100 // failures per account that are audited
	auditInterval = time.Hour / auditBurst

	runningLimit = 2
	queueLimit   = 8
)

// NewThrottle returns a Throttle without failures.
func NewThrottle() *Throttle {
	return &Throttle{
		Wait: ports.Wait, networks: make(counters), accounts: make(counters), running: make(map[string]int), queued: make(map[bool]int),
	}
}

// origin identifies the account and the client of a sign-in.
type origin struct {
	step    step
	account string
	exists  bool // the account exists
	network string
	device  string // empty for an unknown device
}

// client returns the key of the device, or of the network of an unknown device.
func (o origin) client() string {
	if o.device != "" {
		return "device " + o.device
	}
	return "network " + o.network
}

// pair returns the key of the account and the client.
func (o origin) pair() string { return o.account + " " + o.client() }

// interval is the time between two attempts at an account under attack.
func (o origin) interval() time.Duration {
	if o.step == stepPassword {
		return accountInterval
	}
	return codeInterval
}

// auditKey returns the key of the account. All names without an account share one.
func (o origin) auditKey() string {
	if !o.exists {
		return "audit"
	}
	return "audit " + o.account
}

// enter admits an attempt to the comparison of its password, after a pause if the
// account is under attack. It returns [ErrTooManySignIns] if a limit is exceeded.
// Otherwise the caller must call leave.
func (t *Throttle) enter(ctx context.Context, o origin, now time.Time) (leave func(), err error) {
	pause, err := t.start(o, now)
	if err != nil {
		return nil, err
	}
	if pause > 0 {
		err = t.Wait(ctx, pause)
	}
	if err == nil {
		err = t.queue(o)
	}
	if err != nil {
		t.stop(o)
		return nil, err
	}
	return func() { t.unqueue(o); t.stop(o) }, nil
}

// start counts an attempt as running and returns its pause.
func (t *Throttle) start(o origin, now time.Time) (pause time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[o.client()] >= runningLimit {
		return 0, ErrTooManySignIns
	}
	if o.device == "" {
		if !t.networks.get(o.network, now).take(now, networkBurst, networkInterval) {
			return 0, ErrTooManySignIns
		}
		if pause, err = t.pause(o, now); err != nil {
			return 0, err
		}
	}
	t.running[o.client()]++
	return pause, nil
}

// pause reserves the next free time of an account under attack. An attempt that
// conclude will refuse needs none, so it does not slow down others.
func (t *Throttle) pause(o origin, now time.Time) (time.Duration, error) {
	a := t.accounts[o.account]
	if a == nil || !a.current(now) || a.failures < accountFailures || t.refuses(o, now) {
		return 0, nil
	}
	pause := max(0, a.free.Sub(now))
	if pause > longestPause {
		return 0, ErrTooManySignIns
	}
	a.free = now.Add(pause + o.interval())
	return pause, nil
}

func (t *Throttle) stop(o origin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[o.client()]--; t.running[o.client()] == 0 {
		delete(t.running, o.client())
	}
}

func (t *Throttle) queue(o origin) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queued[o.device != ""] >= queueLimit {
		return ErrTooManySignIns
	}
	t.queued[o.device != ""]++
	return nil
}

func (t *Throttle) unqueue(o origin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queued[o.device != ""]--
}

// refuses reports whether the account refuses the client. The caller holds mu.
func (t *Throttle) refuses(o origin, now time.Time) bool {
	pair := t.accounts[o.pair()]
	return pair != nil && now.Before(pair.refused)
}

// verdict is the result of a sign-in.
type verdict struct {
	admitted bool
	counted  bool      // the attempt failed and was counted
	refused  time.Time // the client is refused until then, because of this failure; zero if it is not
	audited  bool      // the failure must be audited
}

// conclude counts an attempt. It refuses the attempt, even with the right
// password, while the account refuses the client.
func (t *Throttle) conclude(o origin, matched bool, now time.Time) (v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.refuses(o, now):
		return verdict{}
	case matched:
		delete(t.accounts, o.pair())
		return verdict{admitted: true}
	}
	v.counted = true
	t.accounts.get(o.account, now).fail(now)
	pair := t.accounts.get(o.pair(), now)
	pair.fail(now)
	if over := pair.failures - freeFailures; over >= 0 {
		pair.refused = now.Add(min(shortestRefusal<<min(over, 10), longestRefusal))
		v.refused = pair.refused
	}
	v.audited = t.accounts.get(o.auditKey(), now).take(now, auditBurst, auditInterval)
	return v
}
