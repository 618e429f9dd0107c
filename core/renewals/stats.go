package renewals

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// runStats computes the summary of a run. It is safe for concurrent use. It keeps
// only the payments that are open.
type runStats struct {
	mu       sync.Mutex
	sum      ports.Summary // without the open payments
	open     map[ports.PaymentKey]openKind
	kinds    [waiting + 1]int // number of open payments per kind
	progress func(ports.Summary)
}

// openKind says why a payment is open.
type openKind int

const (
	otherRun openKind = iota + 1 // outcome unknown; not charged by this run
	unknown                      // outcome unknown
	notSent                      // definitely not sent
	waiting                      // for a person
)

func (c *runStats) summary() ports.Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total()
}

func (c *runStats) total() ports.Summary {
	s := c.sum
	s.Unknown += c.kinds[otherRun] + c.kinds[unknown]
	s.Failed += c.kinds[notSent]
	s.Waiting += c.kinds[waiting]
	return s
}

func (c *runStats) report() {
	if c.progress != nil {
		c.progress(c.total())
	}
}

func (c *runStats) add(s ports.Summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Due += s.Due
	c.sum.Ended += s.Ended
	c.sum.Failed += s.Failed
	c.sum.Waiting += s.Waiting
	c.report()
}

// charged counts payments that this run charged.
func (c *runStats) charged(results []payments.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range results {
		if r.Payment.Settled() {
			c.settled(r)
		} else {
			c.opened(ports.KeyOf(r.Payment), kindOf(r))
		}
	}
	c.report()
}

// swept counts payments that a sweep looked up. A payment that this run had left
// open counts as charged by it. A payment to which the viewer did not agree failed. A
// viewer's pending payment is not counted, because it waits for the viewer, unless it
// waits for a person.
func (c *runStats) swept(results []payments.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range results {
		key := ports.KeyOf(r.Payment)
		kind := c.open[key]
		switch {
		case errors.Is(r.Err, payments.ErrNotAgreed):
			c.sum.Failed++
		case r.Payment.Settled() && (kind == unknown || kind == notSent || kind == waiting):
			c.settled(r)
		case r.Payment.Settled():
			c.sum.Settled++
			c.countEnd(r)
		case r.Payment.NeedsReview():
			c.opened(key, waiting)
		case kind == 0 && r.Payment.Initiator == billing.MerchantInitiated:
			c.opened(key, otherRun)
		case kind == notSent && r.Err != nil: // it was sent again
			c.opened(key, kindOf(r))
		}
		if r.Payment.Settled() {
			c.closed(key)
		}
	}
	c.report()
}

// reread counts open payments of this run that other processes have settled.
func (c *runStats) reread(list []billing.Payment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range list {
		p := &list[i]
		if p.Settled() && c.closed(ports.KeyOf(p)) != otherRun {
			c.settled(payments.Result{Payment: p})
		}
	}
	c.report()
}

func (c *runStats) settled(r payments.Result) {
	switch {
	case r.Payment.Status == billing.PaymentSucceeded:
		c.sum.Renewed++
	case r.Payment.DeclineCode == billing.Refused || r.Payment.DeclineCode == billing.NotSent ||
		r.Payment.DeclineCode == billing.Postponed:
		c.sum.Failed++
	default:
		c.sum.Declined++
		if r.Subscription != nil && r.Subscription.Hold != "" && r.Payment.Initiator == billing.MerchantInitiated {
			c.sum.Held++
		}
	}
	c.countEnd(r)
}

func (c *runStats) countEnd(r payments.Result) {
	if r.Subscription != nil && !r.Subscription.Live() {
		c.sum.Ended++
	}
}

func kindOf(r payments.Result) openKind {
	switch {
	case r.Payment.NeedsReview():
		return waiting
	case r.NotSent():
		return notSent
	default:
		return unknown
	}
}

func (c *runStats) opened(key ports.PaymentKey, kind openKind) {
	c.closed(key)
	if c.open == nil {
		c.open = make(map[ports.PaymentKey]openKind)
	}
	c.open[key] = kind
	c.kinds[kind]++
}

// closed removes a payment from the open ones and returns its kind, or 0 if it was
// not open.
func (c *runStats) closed(key ports.PaymentKey) openKind {
	kind := c.open[key]
	c.kinds[kind]--
	delete(c.open, key)
	return kind
}

// openKeys returns the open payments.
func (c *runStats) openKeys() []ports.PaymentKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.open))
}
