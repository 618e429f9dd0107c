package app

import (
	"sync"

	"github.com/online-cinema/billing/core/billing"
)

// counter counts for the summary. Any number of goroutines may use it.
type counter struct {
	mu       sync.Mutex
	sum      Summary // but for what is open
	open     map[billing.PaymentID]openKind
	progress func(Summary)
}

// openKind is how a payment counts that is not settled.
type openKind int

const (
	foreign openKind = iota + 1 // unknown, and not of this run
	unknown
	unsent
)

func (c *counter) summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total()
}

func (c *counter) total() Summary {
	s := c.sum
	for _, kind := range c.open {
		if kind == unsent {
			s.Failed++
		} else {
			s.Unknown++
		}
	}
	return s
}

func (c *counter) tell() {
	if c.progress != nil {
		c.progress(c.total())
	}
}

func (c *counter) add(s Summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Due += s.Due
	c.sum.Ended += s.Ended
	c.sum.Failed += s.Failed
	c.tell()
}

// charged counts what was just charged.
func (c *counter) charged(results []Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range results {
		switch {
		case r.Payment.Settled():
			c.settled(r)
		case neverSent(r.Err):
			c.leave(r.Payment.ID, unsent)
		default:
			c.leave(r.Payment.ID, unknown)
		}
	}
	c.tell()
}

// swept counts what was looked up. What this run had left open itself counts as
// if it had been settled at once; a viewer's payment that waits for the viewer
// is none of ours.
func (c *counter) swept(results []Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range results {
		kind := c.open[r.Payment.ID]
		switch {
		case !r.Payment.Settled() && kind == 0 && r.Payment.Initiator == billing.MerchantInitiated:
			c.leave(r.Payment.ID, foreign)
		case !r.Payment.Settled():
		case kind == unknown || kind == unsent:
			c.settled(r)
		default:
			c.sum.Settled++
			c.countEnd(r)
		}
		if r.Payment.Settled() {
			delete(c.open, r.Payment.ID)
		}
	}
	c.tell()
}

func (c *counter) settled(r Result) {
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

func (c *counter) countEnd(r Result) {
	if !r.Subscription.Live() {
		c.sum.Ended++
	}
}

func (c *counter) leave(id billing.PaymentID, kind openKind) {
	if c.open == nil {
		c.open = make(map[billing.PaymentID]openKind)
	}
	c.open[id] = kind
}
