package renewals

import (
	"maps"
	"slices"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// counter counts for the summary. Any number of goroutines may use it. It
// remembers no payments but those that are open.
type counter struct {
	mu       sync.Mutex
	sum      ports.Summary // but for what is open
	open     map[ports.PaymentKey]openKind
	kinds    [unsent + 1]int // how many are open of each kind
	progress func(ports.Summary)
}

// openKind is how a payment counts that is not settled.
type openKind int

const (
	foreign openKind = iota + 1 // unknown, and not of this run
	unknown
	unsent
)

func (c *counter) summary() ports.Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total()
}

func (c *counter) total() ports.Summary {
	s := c.sum
	s.Unknown += c.kinds[foreign] + c.kinds[unknown]
	s.Failed += c.kinds[unsent]
	return s
}

func (c *counter) tell() {
	if c.progress != nil {
		c.progress(c.total())
	}
}

func (c *counter) add(s ports.Summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Due += s.Due
	c.sum.Ended += s.Ended
	c.sum.Failed += s.Failed
	c.tell()
}

// charged counts what was just charged.
func (c *counter) charged(results []payments.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range results {
		if r.Payment.Settled() {
			c.settled(r)
		} else {
			c.leave(ports.KeyOf(r.Payment), kindOf(r.Err))
		}
	}
	c.tell()
}

// swept counts what was looked up. What this run had left open itself counts as
// if it had been settled at once; a viewer's payment that waits for the viewer
// is none of ours.
func (c *counter) swept(results []payments.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range results {
		key := ports.KeyOf(r.Payment)
		kind := c.open[key]
		switch {
		case r.Payment.Settled() && (kind == unknown || kind == unsent):
			c.settled(r)
		case r.Payment.Settled():
			c.sum.Settled++
			c.countEnd(r)
		case kind == 0 && r.Payment.Initiator == billing.MerchantInitiated:
			c.leave(key, foreign)
		case kind == unsent && r.Err != nil: // it was sent again
			c.leave(key, kindOf(r.Err))
		}
		if r.Payment.Settled() {
			c.close(key)
		}
	}
	c.tell()
}

// reread counts what others have settled of what this run had left open.
func (c *counter) reread(list []billing.Payment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range list {
		p := &list[i]
		if !p.Settled() {
			continue
		}
		if c.close(ports.KeyOf(p)) != foreign {
			c.settled(payments.Result{Payment: p})
		}
	}
	c.tell()
}

func (c *counter) settled(r payments.Result) {
	switch {
	case r.Payment.Status == billing.PaymentSucceeded:
		c.sum.Renewed++
	case r.Payment.DeclineCode == billing.Refused || r.Payment.DeclineCode == billing.NotSent:
		c.sum.Failed++
	default:
		c.sum.Declined++
	}
	c.countEnd(r)
}

func (c *counter) countEnd(r payments.Result) {
	if r.Subscription != nil && !r.Subscription.Live() {
		c.sum.Ended++
	}
}

func kindOf(err error) openKind {
	if payments.NeverSent(err) {
		return unsent
	}
	return unknown
}

func (c *counter) leave(key ports.PaymentKey, kind openKind) {
	c.close(key)
	if c.open == nil {
		c.open = make(map[ports.PaymentKey]openKind)
	}
	c.open[key] = kind
	c.kinds[kind]++
}

func (c *counter) close(key ports.PaymentKey) openKind {
	kind := c.open[key]
	c.kinds[kind]--
	delete(c.open, key)
	return kind
}

// left returns what is open.
func (c *counter) left() []ports.PaymentKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.open))
}
