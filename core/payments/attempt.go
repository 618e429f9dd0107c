package payments

import (
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Attempt is one attempt to learn the outcome of a payment, by a charge or by a
// lookup.
type Attempt struct {
	Payment *billing.Payment
	// Subscription is the subscription as it was stored with the payment, at Version.
	// Without it the outcome is recorded under lock.
	Subscription *billing.Subscription
	Version      ports.RowVersion
	// Deadline is when a charge by this process must have ended: see
	// [Collector.SendDeadline].
	Deadline time.Time
	// ReturnURL is where the viewer goes after a page of the payment system. It is empty
	// for renewals, and if the viewer's client named none.
	ReturnURL string
	// Receipt is the receipt that is stored with the payment; nil if its payment system needs
	// none.
	Receipt *billing.Receipt

	outcome billing.Outcome
	// firstSent is when the payment was first sent, on the store's clock; zero if this
	// process sends it for the first time.
	firstSent time.Time
	// byToken reports that the viewer sent the token that pays, byPage that the viewer
	// pays on a page of the payment system.
	byToken, byPage bool
	// err is the error of the payment system. An outcome may have been derived from
	// it.
	err error
	// sweep reports that the payment is leased to a sweep. The sweep keeps its lease
	// if the payment stays pending: another lookup would follow immediately otherwise.
	sweep bool
}

// Known reports whether the outcome is known. A renewal whose outcome is known was
// received by the payment system.
func (a *Attempt) Known() bool { return a.outcome.Status != "" }

// Refusal returns the code of a refusal that may be caused by the service itself: see
// [billing.DeclineCode.MayBeOurs]. It returns "" for any other outcome, and if the
// payment system advises what to do.
func (a *Attempt) Refusal() billing.DeclineCode {
	refused := a.outcome.Status == billing.PaymentDeclined || a.outcome.Status == billing.PaymentAbandoned
	if !refused || a.outcome.Advice != billing.NoAdvice || !a.outcome.DeclineCode.MayBeOurs() {
		return ""
	}
	return a.outcome.DeclineCode
}

// Postpone replaces a refusal of a renewal, so that the refusal does not count against
// the viewer. The payment is abandoned as [billing.Postponed], and the subscription is
// due again.
func (a *Attempt) Postpone() {
	ref := a.outcome.ProviderRef
	a.outcome = billing.Abandon(billing.Postponed)
	a.outcome.ProviderRef = ref
}

// Discard makes a known outcome unknown again, so that a sweep looks the payment up. That
// is necessary after Deadline, because another process may have sent the payment since.
func (a *Attempt) Discard() { a.outcome = billing.Outcome{} }

// notSent reports whether the charge definitely did not reach the payment system.
func (a *Attempt) notSent() bool {
	return errors.Is(a.err, ports.ErrNotSent) || errors.Is(a.err, ports.ErrCredentials)
}

// Unsent reports whether the charge was not sent and no other process may be
// sending it. It must be called under the payment's lock: once the send window of
// this process has ended, another process may send the charge.
func (a *Attempt) Unsent() bool { return a.notSent() && time.Now().Before(a.Deadline) }

// needsLock reports whether the outcome must be recorded under lock. That is so if
// the stored rows or their version are not known, or if the payment stays pending:
// then it matters whether another process may send it. It is also so if the method
// is read, because the subscription must be locked before it.
func (a *Attempt) needsLock() bool {
	return a.Subscription == nil || a.Version == ports.Locked || !a.Known() || a.needsMethod()
}

// needsMethod reports whether the payment method decides what follows from the outcome.
// The method of a viewer's own payment that succeeded may be removed meanwhile, or not
// saved by the payment system. A payment that begins to wait for the viewer's confirmation
// may be by a removed card.
func (a *Attempt) needsMethod() bool {
	if a.outcome.Status == billing.PaymentSucceeded {
		return a.Payment.Initiator == billing.CustomerInitiated && !a.byToken
	}
	return a.outcome.ActionURL != "" && a.Payment.ActionURL == ""
}

// query describes the charge of a to its payment system. It was sent between from and
// until.
func (a *Attempt) query(from, until time.Time) ports.ChargeQuery {
	p := a.Payment
	return ports.ChargeQuery{
		Key: p.ID, ProviderRef: p.ProviderRef, Payer: p.UserID, Amount: p.Amount, SentFrom: from, SentUntil: until,
	}
}

// Result is a payment and its subscription after they were recorded.
type Result struct {
	Subscription *billing.Subscription // nil if it was not read
	Payment      *billing.Payment
	// Err is the error of the payment system. The payment may be settled
	// nevertheless: as abandoned.
	Err error

	isNew bool // this record changed the payment, or is the first to leave it pending
}

// NotSent reports whether the charge definitely did not reach the payment system.
func (r Result) NotSent() bool { return (&Attempt{err: r.Err}).notSent() }
