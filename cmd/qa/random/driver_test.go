package random

import (
	"context"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Further events that are counted.
const (
	outage     fault = "outage"
	clockMoved fault = "billing clock moved"
	decided    fault = "decided by a person"
	repeated   fault = "notification repeated"
)

// viewersOfWorld is the number of viewers of a world.
const viewersOfWorld = 5

// live lets everything happen in any order until so many payments are stored.
func (w *world) live(payments int) {
	for i := range viewersOfWorld {
		w.viewers = append(w.viewers, billing.UserID(fmt.Sprintf("01890000-0000-7000-9000-%012d", i)))
	}
	steps := []struct {
		weight int
		take   func()
	}{
		{40, w.renew}, {20, w.sweepOnce}, {15, w.wait}, {6, w.subscribe}, {6, w.deliverOne}, {8, w.replyToPage},
		{6, w.pay}, {4, w.decide}, {2, w.cancel}, {2, w.resume}, {2, w.breakDown}, {1, w.moveClock},
	}
	w.faulty = true
	for taken := 0; taken%16 != 0 || len(w.payments()) < payments; taken++ {
		n := w.rng.IntN(112)
		for _, s := range steps {
			if n -= s.weight; n < 0 {
				s.take()
				break
			}
		}
	}
}

// settle ends all faults. It sweeps until no lookup can change anything: everything is
// visible in lists, and every page and every grace is over.
func (w *world) settle() {
	w.faulty, w.outageUntil = false, time.Time{}
	w.begin()
	for slept := time.Duration(0); slept < 20*24*time.Hour; {
		d := max(10*time.Minute, slept/2)
		time.Sleep(d)
		slept += d
		w.in(w.immortal(), (*process).sweep)
	}
}

// renew makes a renewal run that claims one subscription. Mostly it waits for the end of the
// send windows of dead processes first.
func (w *world) renew() {
	w.waitForRenewal()
	if w.chance(0.8) {
		time.Sleep(20*time.Second + w.upTo(time.Second))
	}
	w.in(w.mortal(), func(p *process) {
		sum, err := p.renewer().Run(context.Background())
		w.note("", "run → %+v, error: %t", sum, err != nil)
	})
}

func (w *world) sweepOnce() { w.in(w.mortal(), (*process).sweep) }

func (w *world) wait() {
	const day = 24 * time.Hour
	d := pick(w.rng, 20*time.Second, 2*time.Minute, 6*time.Minute, 20*time.Minute, 3*time.Hour, 12*time.Hour, 23*time.Hour, 25*time.Hour, 5*day)
	if d > 2*day && w.lagging {
		return
	}
	w.note("", "wait for %s", d)
	time.Sleep(d + w.upTo(time.Second))
}

// waitForRenewal waits until a renewal is due. Mostly it does not while a payment is open.
func (w *world) waitForRenewal() {
	open := w.paymentsWhere(func(p billing.Payment) bool { return !p.Settled() && !p.NeedsReview() })
	if len(open) > 0 && (w.lagging || w.chance(0.8)) {
		return
	}
	w.decideAll()
	var next time.Time
	for _, s := range w.subscriptions(func(s ports.SubscriptionView) bool { return s.Live() && !s.NextChargeAt.IsZero() && !s.Charging }) {
		if next.IsZero() || s.NextChargeAt.Before(next) {
			next = s.NextChargeAt
		}
	}
	if d := next.Sub(w.Now()); d > 0 {
		w.note("", "wait for a renewal")
		time.Sleep(d + w.upTo(time.Second))
	}
}

// breakDown loses all requests or responses for up to two days.
func (w *world) breakDown() {
	d := w.upTo(48 * time.Hour)
	w.note("", "outage for %s", d)
	w.outageUntil = time.Now().Add(d)
	w.happened(outage)
}

// moveClock moves the billing clock by 25 hours. The clocks of leases and keys stay.
func (w *world) moveClock() {
	if w.lagging {
		return
	}
	w.note("", "the billing clock moves")
	w.ahead += 25 * time.Hour
	w.happened(clockMoved)
}

// subscribe subscribes a viewer in a process that may die. Mostly, and in a lagging world
// always, nothing else fails until the viewer has paid.
func (w *world) subscribe() {
	calm := w.lagging || w.chance(0.6)
	if calm && w.isDown() {
		return
	}
	if calm {
		w.faulty = false
		defer func() { w.faulty = true }()
	}
	cmd := viewers.Subscribe{
		User: pick(w.rng, w.viewers...), Plan: pick(w.rng, plans()...), PaymentSystem: w.system.code(),
		Token: w.system.token(w.rng, w.rng.IntN(1_000_000)), ReturnURL: "https://cinema.example/paid",
	}
	cmd.Price = w.prices[cmd.Plan]
	w.in(w.mortal(), func(p *process) {
		v, err := p.subscriber().Subscribe(context.Background(), cmd)
		w.note(string(v.Latest.ID), "subscribe → %s, error: %t", v.Latest.Status, err != nil)
		if calm && v.Latest.ActionURL != "" {
			w.system.reply(v.Latest.ActionURL, true)
			time.Sleep(time.Minute)
			p.sweep()
		}
	})
}

// pay pays for a period that is past due, with the stored method or on a page, perhaps while
// an earlier page is open. The viewer may pay on that page right before.
func (w *world) pay() {
	due := w.subscriptions(func(s ports.SubscriptionView) bool {
		return s.Status == billing.StatusPastDue && (!s.Charging || s.Latest.ActionURL != "")
	})
	if w.lagging || len(due) == 0 {
		return
	}
	s := pick(w.rng, due...)
	cmd := viewers.Pay{User: s.UserID, Ref: string(s.ID), Price: s.Price, ReturnURL: "https://cinema.example/paid"}
	if w.chance(0.3) {
		cmd.Source.PaymentSystem = w.system.code()
	}
	if s.Charging && w.chance(0.5) {
		w.note(string(s.LatestPaymentID), "the viewer pays on the page")
		w.system.reply(s.Latest.ActionURL, true)
	}
	w.in(w.mortal(), func(p *process) {
		v, err := p.subscriber().Pay(context.Background(), cmd)
		w.note(string(v.Latest.ID), "pay → %s, error: %t", v.Latest.Status, err != nil)
	})
}

func (w *world) cancel() {
	live := w.subscriptions(func(s ports.SubscriptionView) bool { return s.Live() && !s.CancelAtPeriodEnd })
	if w.lagging || len(live) == 0 {
		return
	}
	s, at := pick(w.rng, live...), pick(w.rng, billing.AtPeriodEnd, billing.AtPeriodEnd, billing.AtOnce)
	w.in(w.mortal(), func(p *process) {
		_, err := p.subscriber().Cancel(context.Background(), viewers.Cancel{User: s.UserID, Ref: string(s.ID), At: at})
		w.note(string(s.LatestPaymentID), "cancel → error: %t", err != nil)
	})
}

func (w *world) resume() {
	cancelled := w.subscriptions(func(s ports.SubscriptionView) bool { return s.Live() && s.CancelAtPeriodEnd })
	if len(cancelled) == 0 {
		return
	}
	s := pick(w.rng, cancelled...)
	w.in(w.mortal(), func(p *process) {
		_, err := p.subscriber().Resume(context.Background(), viewers.Resume{User: s.UserID, Ref: string(s.ID)})
		w.note(string(s.LatestPaymentID), "resume → error: %t", err != nil)
	})
}

// replyToPage lets a viewer reply to a page, also long after it was opened.
func (w *world) replyToPage() {
	open := w.paymentsWhere(func(p billing.Payment) bool { return !p.Settled() && p.ActionURL != "" })
	if len(open) == 0 {
		return
	}
	p, approve := pick(w.rng, open...), w.chance(0.8)
	w.note(string(p.ID), "the viewer replies: %t", approve)
	w.system.reply(p.ActionURL, approve)
}

// deliverOne announces a payment or delivers one notification, in any order, perhaps again
// later.
func (w *world) deliverOne() {
	if all := w.payments(); len(all) > 0 && w.chance(0.5) {
		w.system.announce(string(pick(w.rng, all...).ID))
	}
	if len(w.mailbox) == 0 {
		return
	}
	i := w.rng.IntN(len(w.mailbox))
	n := w.mailbox[i]
	if w.chance(0.5) {
		w.mailbox = append(w.mailbox[:i:i], w.mailbox[i+1:]...)
	} else {
		w.happened(repeated)
	}
	w.deliver(n)
}

// takeMail empties the mailbox.
func (w *world) takeMail() []ports.Notification {
	all := w.mailbox
	w.mailbox = nil
	return all
}

func (w *world) deliver(n ports.Notification) {
	n.At = time.Now()
	err := w.immortal().Notified(context.Background(), w.system.code(), n)
	w.note("", "notification → error: %t", err != nil)
}

// decide settles a renewal that waits for a person, who has read the ledger.
func (w *world) decide() {
	if waiting := w.paymentsWhere(undecided); len(waiting) > 0 {
		w.decideOn(pick(w.rng, waiting...))
	}
}

// decideAll settles all such renewals in a lagging world. A payment is not sent again after
// its period, so only a lookup would find it then.
func (w *world) decideAll() {
	if w.lagging {
		for _, p := range w.paymentsWhere(undecided) {
			w.decideOn(p)
		}
	}
}

func undecided(p billing.Payment) bool {
	return !p.ReviewSince.IsZero() && !p.Settled() && p.Initiator == billing.MerchantInitiated
}

func (w *world) decideOn(p billing.Payment) {
	as := billing.PaymentAbandoned
	if len(w.system.taken()[p.ID]) > 0 {
		as = billing.PaymentSucceeded
	}
	w.note(string(p.ID), "a person decides: %s", as)
	w.happened(decided)
	_ = w.store.InTx(context.Background(), func(tx ports.Repos) error {
		_, _, err := w.immortal().Decide(context.Background(), tx, p, as)
		return err // it may not be possible yet
	})
}

// subscriptions returns the stored subscriptions for which keep holds.
func (w *world) subscriptions(keep func(ports.SubscriptionView) bool) (kept []ports.SubscriptionView) {
	for _, user := range w.viewers {
		list, err := w.store.Views().Subscriptions(context.Background(), user, ports.Page{Limit: 1000})
		if err != nil {
			panic(err) // the memory store never fails
		}
		for _, s := range list {
			if keep(s) {
				kept = append(kept, s)
			}
		}
	}
	return kept
}

// payments returns all stored payments.
func (w *world) payments() (all []billing.Payment) {
	return w.paymentsWhere(func(billing.Payment) bool { return true })
}

func (w *world) paymentsWhere(keep func(billing.Payment) bool) (kept []billing.Payment) {
	for _, user := range w.viewers {
		list, err := w.store.Views().Payments(context.Background(), user, ports.Page{Limit: 1000})
		if err != nil {
			panic(err) // the memory store never fails
		}
		for _, p := range list {
			if keep(p) {
				kept = append(kept, p)
			}
		}
	}
	return kept
}
