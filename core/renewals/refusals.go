package renewals

import (
	"fmt"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
)

const (
	// minRefusals is how many answers of a payment system a run needs to judge a refusal,
	// and how many equal refusals are a fault of the service.
	minRefusals = 20
	// recentAnswers is how many answers are counted until all counts are halved. A fault
	// that begins in the middle of a run is thus found as well.
	recentAnswers = 100
	// maxHeld bounds the refusals that are held back per payment system.
	maxHeld = 200
)

// refusals is a brake on refusals that the service itself may have caused, such as
// unknown tokens: see [billing.DeclineCode.MayBeOurs]. A wrong account makes a payment
// system refuse every charge, which would put every due subscription on hold in one run.
//
// Of the recent answers of one payment system
//
//	at most a quarter are the same refusal   it is recorded: the subscriptions are past due
//	more than half, and at least 20          the fault is ours: no more charges, and the
//	                                         refusals are postponed
//	in between, or fewer than 20 answers     the refusal is held back
//
// A refusal that is undecided when its send window is about to end is recorded, because
// afterwards another process may send the payment. Other answers are never held back.
type refusals struct {
	onFault func(fault) // called once, before the first refusal is postponed
	// margin is the time before the deadline of an attempt from which on it is not held
	// back. It is long enough for another attempt to end meanwhile.
	margin time.Duration

	mu      sync.Mutex
	answers int
	counts  map[billing.DeclineCode]int
	held    []payments.Attempt
	fault   fault
}

// fault is a refusal of most charges.
type fault struct {
	code             billing.DeclineCode // empty if there is no fault
	refused, answers int
}

func (f fault) String() string {
	return fmt.Sprintf("%d of %d charges were refused as %s", f.refused, f.answers, f.code)
}

// admit counts the answer of an attempt. It reports whether the attempt may be recorded
// now. It also returns earlier refusals, and perhaps this one, that need not be held
// back any longer. After a fault it postpones the attempts that were not sent, so that
// they stay due like those that were refused.
func (r *refusals) admit(a *payments.Attempt) (now bool, released []payments.Attempt) {
	code := a.Refusal()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case a.Known():
		r.count(code)
	case r.fault.code != "" && a.Unsent():
		a.Postpone()
	}
	if code != "" {
		r.hold(*a)
	}
	if len(r.held) == 0 {
		return true, nil
	}
	full := len(r.held) > maxHeld
	return code == "", r.take(func(a *payments.Attempt) bool {
		return full || r.fault.code != "" || r.harmless(a.Refusal()) || time.Until(a.Deadline) < r.margin
	})
}

// release returns the refusals that are still held back at the end of a run. If the
// run was stopped early, it postpones those that most answers were, because there were
// too few answers to judge them.
func (r *refusals) release(stopped bool) []payments.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.held {
		if a := &r.held[i]; stopped && r.most(a.Refusal()) {
			a.Postpone()
		}
	}
	return r.take(func(*payments.Attempt) bool { return true })
}

func (r *refusals) count(code billing.DeclineCode) {
	r.answers++
	if code != "" {
		if r.counts == nil {
			r.counts = make(map[billing.DeclineCode]int)
		}
		r.counts[code]++
	}
	if r.fault.code == "" && r.counts[code] >= minRefusals && r.most(code) {
		r.fault = fault{code, r.counts[code], r.answers}
		r.onFault(r.fault)
	}
	if r.answers >= recentAnswers {
		r.answers /= 2
		for c := range r.counts {
			r.counts[c] /= 2
		}
	}
}

// most reports whether most answers are this refusal.
func (r *refusals) most(code billing.DeclineCode) bool { return 2*r.counts[code] > r.answers }

// harmless reports whether the refusal is one of single viewers.
func (r *refusals) harmless(code billing.DeclineCode) bool {
	return r.answers >= minRefusals && 4*r.counts[code] <= r.answers
}

// hold keeps a copy of the attempt, so that its batch can be freed.
func (r *refusals) hold(a payments.Attempt) {
	p, s := *a.Payment, *a.Subscription
	a.Payment, a.Subscription = &p, &s
	r.held = append(r.held, a)
}

// take removes the held refusals that are chosen, and returns them. After a fault it
// postpones them. It discards those that are past their deadline.
func (r *refusals) take(chosen func(*payments.Attempt) bool) []payments.Attempt {
	var taken []payments.Attempt
	kept := r.held[:0]
	for _, a := range r.held {
		switch {
		case !chosen(&a):
			kept = append(kept, a)
			continue
		case time.Now().After(a.Deadline):
			a.Discard()
		case r.fault.code != "":
			a.Postpone()
		}
		taken = append(taken, a)
	}
	clear(r.held[len(kept):])
	r.held = kept
	return taken
}
