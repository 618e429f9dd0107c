package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Pay is a viewer's request to pay for the period that is past due.
type Pay struct {
	User         billing.UserID
	Ref          string        // the subscription's id, or its plan's code or id
	Price        billing.Money // shown to the viewer
	Months       int           // the interval shown to the viewer; 0 if the request does not name it
	TermsVersion string        // of the terms of use shown to the viewer; empty if the request does not name it
	Source       Source
	ReturnURL    string          // to which the viewer returns from a page of the payment system; may be empty
	Contact      billing.Contact // as that of [Subscribe]
	Request      *ports.KeyedRequest
}

// Pay charges the viewer for the period that is past due, at the agreed price, and returns
// the subscription: active if it is paid, or past due until the payment is settled. If a
// renewal is being charged, Pay waits for its outcome. A declined payment changes neither
// the access nor the grace. The viewer's agreement is in the history before the payment is
// sent.
//
// If the viewer's own earlier payment waits on a page or for 3-D Secure, it is cancelled
// first, where the payment system can. If it was paid meanwhile, Pay charges nothing and
// returns the subscription, active. Errors:
//
//	ErrNotFound                  the viewer has no such subscription
//	ErrNothingDue                the subscription is not past due
//	ErrInvalidTransition         its plan is being ended
//	*PaymentOpenError            another payment for it is pending, and was not cancelled
//	*PriceChangedError           the price or the interval differs from the agreed one
//	*DeclinedError               the payment system declined the payment
//	ErrPaymentTokenUnknown       the payment system does not know the token
//	ErrRateLimited               a [billing.LimitedError]: too many declined payments
//	ErrRequestInProgress         another request with the same key is running
//	ErrUnavailable               nothing was charged, or, if [Settling], the payment is being settled
//	*InvalidError                for the field receipt: a contact for receipts is missing
//	ErrPaymentMethodNotFound, ErrCardNotFound, ErrPaymentSystemNotFound, ErrPaymentSystemUnavailable,
//	ErrNotSupported, ErrInvalidTransition, ErrInvalid
//	                             the source cannot be charged
func (s *Subscriber) Pay(ctx context.Context, cmd Pay) (ports.SubscriptionView, error) {
	defer cmd.Source.CVV.Wipe()
	p, err := s.storeOwn(ctx, cmd)
	if err != nil {
		var earlier billing.Payment
		var settled bool
		earlier, settled, err = s.cancelOpen(ctx, err)
		switch {
		case settled && earlier.Status == billing.PaymentSucceeded && earlier.ChargedLateAt.IsZero():
			return s.paidEarlier(ctx, cmd, earlier)
		case settled:
			p, err = s.storeOwn(ctx, cmd)
		}
	}
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("pay: %w", recordLimit(ctx, s.Store, s.Clock, s.NewID, cmd.User, err))
	}
	a := payments.Attempt{Payment: &p.payment, Deadline: p.deadline, ReturnURL: cmd.ReturnURL, Receipt: p.receipt}
	r, err := s.collect(ctx, a, p.means(), p.method.Token, p.card, cmd.Source.CVV)
	if err != nil {
		return ports.SubscriptionView{}, settlingError{err}
	}
	v, err := s.view(ctx, cmd.User, string(p.payment.SubscriptionID))
	if err != nil {
		return ports.SubscriptionView{}, settlingError{err}
	}
	return v, PaymentFailure(r.Payment)
}

// paidEarlier responds to a request to pay whose viewer has paid on the page of an earlier
// payment. It claims the request's key, so that a repetition gets the same response.
func (s *Subscriber) paidEarlier(ctx context.Context, cmd Pay, earlier billing.Payment) (ports.SubscriptionView, error) {
	err := s.Store.InTx(ctx, func(tx ports.Repos) error { return claim(ctx, tx, cmd.Request, earlier.SubscriptionID) })
	var v ports.SubscriptionView
	if err == nil {
		v, err = s.view(ctx, cmd.User, string(earlier.SubscriptionID))
	}
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("pay: %w", err)
	}
	return v, nil
}

// ownPayment is a stored payment of the viewer, and what it charges until deadline.
type ownPayment struct {
	charging
	payment  billing.Payment
	receipt  *billing.Receipt // if the payment system needs one
	deadline time.Time
}

// storeOwn stores the intent of a payment. If a renewal is being charged, it waits for the
// outcome. The refusal is a stillOpen if nothing but an open payment prevents the payment.
func (s *Subscriber) storeOwn(ctx context.Context, cmd Pay) (ownPayment, error) {
	if err := s.awaitRenewalOf(ctx, cmd.User, cmd.Ref); err != nil {
		return ownPayment{}, err
	}
	deadline := s.Collector.SendDeadline()
	p, err := ports.InTx(ctx, s.Store, func(tx ports.Repos) (ownPayment, error) { return s.storePay(ctx, tx, cmd) })
	p.deadline = deadline
	return p, err
}

func (s *Subscriber) storePay(ctx context.Context, tx ports.Repos, cmd Pay) (ownPayment, error) {
	sub, err := tx.Subscriptions.Named(ctx, cmd.User, cmd.Ref)
	if err != nil {
		return ownPayment{}, err
	}
	if err := claim(ctx, tx, cmd.Request, sub.ID); err != nil {
		return ownPayment{}, err
	}
	now := s.Clock.Now()
	sub, _ = sub.At(now)
	if sub.PlanEnding, err = ports.PlanEnding(ctx, tx, sub); err != nil {
		return ownPayment{}, err
	}
	r := billing.PayRequest{
		Payment: billing.PaymentID(s.NewID()), Shown: cmd.Price, ShownMonths: cmd.Months, TermsVersion: cmd.TermsVersion,
	}
	refused := sub.RefusePay(r)
	if refused != nil && !errors.Is(refused, billing.ErrPaymentOpen) {
		return ownPayment{}, refused
	}
	if err := s.checkDeclines(ctx, tx, cmd.User, now); err != nil {
		return ownPayment{}, err
	}
	source, err := s.resolve(ctx, tx, sub, cmd.Source, now)
	if err != nil {
		return ownPayment{}, err
	}
	order, err := s.orderReceipt(ctx, tx, source.method.PaymentSystem, ports.ReceiptQuery{User: sub.UserID, Plan: sub.PlanID}, cmd.Contact)
	if err != nil {
		return ownPayment{}, err
	}
	if refused != nil { // the last check, because a request that fails another one cancels nothing
		return ownPayment{}, withOpenPayment(ctx, tx, sub, refused)
	}
	r.Method = source.method
	sub, payment, agreed, err := sub.Pay(r, s.Calendar, now)
	if err != nil {
		return ownPayment{}, err
	}
	if payment.MethodID != sub.MethodID {
		if payment.ConsentMAC, err = s.consentTo(sub, source.method); err != nil {
			return ownPayment{}, err
		}
	}
	if err := source.store(ctx, tx); err != nil {
		return ownPayment{}, err
	}
	if err := tx.Subscriptions.Save(ctx, sub); err != nil {
		return ownPayment{}, err
	}
	if err := tx.Payments.Add(ctx, s.Collector.SendWindow(), payment); err != nil {
		return ownPayment{}, err
	}
	receipt, err := order.store(ctx, tx, payment)
	if err != nil {
		return ownPayment{}, err
	}
	ports.Identify(agreed, s.NewID)
	return ownPayment{charging: source, payment: payment, receipt: receipt}, tx.Events.Append(ctx, agreed...)
}

// consentTo signs the terms of the subscription with another method.
func (s *Subscriber) consentTo(sub billing.Subscription, m billing.PaymentMethod) (billing.ConsentMAC, error) {
	terms := sub.WithMethod(m)
	err := s.Collector.Consents.Sign(&terms)
	return terms.ConsentMAC, err
}

// store stores the method if it is new.
func (c charging) store(ctx context.Context, tx ports.Repos) error {
	if !c.isNew {
		return nil
	}
	return tx.Methods.Add(ctx, c.method)
}

// withOpenPayment adds the pending payment and its page to [billing.ErrPaymentOpen].
func withOpenPayment(ctx context.Context, tx ports.Repos, sub billing.Subscription, err error) error {
	if !errors.Is(err, billing.ErrPaymentOpen) {
		return err
	}
	open, lockErr := tx.Payments.Lock(ctx, ports.PaymentKey{User: sub.UserID, ID: sub.LatestPaymentID})
	if lockErr != nil || len(open) != 1 {
		return errors.Join(err, lockErr)
	}
	return &stillOpen{&billing.PaymentOpenError{ActionURL: open[0].ActionURL, ActionExpiresAt: open[0].ActionExpiresAt}, open[0]}
}

// Replace is a viewer's request to pay later renewals by another method.
type Replace struct {
	User   billing.UserID
	Ref    string // the subscription's id, or its plan's code or id
	Source Source // without a card, because the first charge of a card needs its CVV
	// Contact gets the receipts of later renewals: see [Subscribe]. It is stored even if the
	// method stays the same.
	Contact billing.Contact
}

// Replace makes the source the method of all later renewals. It charges nothing itself. A
// subscription that is past due becomes due now, so the next run charges it. If a payment
// is pending, Replace waits until it is settled. Errors:
//
//	ErrNotFound           the viewer has no such subscription
//	ErrInvalidTransition  the subscription has ended, was given or waits for its first payment,
//	                      its plan is being ended, or the method cannot be charged any more
//	*PaymentOpenError     a payment is still pending
//	*InvalidError         for the field receipt: a contact for receipts is missing
//	ErrPaymentMethodNotFound, ErrPaymentSystemNotFound, ErrPaymentSystemUnavailable, ErrInvalid,
//	ErrUnavailable        the source cannot be charged
func (s *Subscriber) Replace(ctx context.Context, cmd Replace) (ports.SubscriptionView, error) {
	err := s.awaitRenewalOf(ctx, cmd.User, cmd.Ref)
	var v ports.SubscriptionView
	if err == nil {
		v, err = s.change(ctx, cmd.User, cmd.Ref, keyed{},
			func(tx ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, error) {
				return s.replace(ctx, tx, sub, cmd, now)
			})
	}
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("replace payment method: %w", err)
	}
	return v, nil
}

func (s *Subscriber) replace(ctx context.Context, tx ports.Repos, sub billing.Subscription, cmd Replace, now time.Time) (billing.Subscription, []billing.Event, error) {
	source, err := s.resolve(ctx, tx, sub, cmd.Source, now)
	if err != nil {
		return sub, nil, err
	}
	order, err := s.orderReceipt(ctx, tx, source.method.PaymentSystem, ports.ReceiptQuery{User: sub.UserID, Plan: sub.PlanID}, cmd.Contact)
	if err != nil {
		return sub, nil, err
	}
	if err := tx.Receipts.AddContact(ctx, order.contacts()...); err != nil {
		return sub, nil, err
	}
	replaced, events, err := sub.Replace(source.method, now)
	if err != nil || len(events) == 0 {
		return sub, nil, withOpenPayment(ctx, tx, sub, err)
	}
	if err := s.Collector.Consents.Sign(&replaced); err != nil {
		return sub, nil, err
	}
	if err := source.store(ctx, tx); err != nil {
		return sub, nil, err
	}
	return replaced, events, tx.Subscriptions.SaveTerms(ctx, replaced)
}

// awaitRenewalOf waits until the pending renewal of a subscription is settled, or for no
// longer than Wait. It does not wait for a payment of the viewer.
func (s *Subscriber) awaitRenewalOf(ctx context.Context, user billing.UserID, ref string) error {
	v, err := s.view(ctx, user, ref)
	if err != nil || !v.RenewalPending() || v.Latest.Initiator != billing.MerchantInitiated {
		return err
	}
	_, err = waiter{s.Store, s.Wait, s.Pause}.await(ctx, func(tx ports.Repos) (bool, error) {
		list, err := tx.Payments.Lock(ctx, ports.KeyOf(&v.Latest))
		return len(list) == 1 && !list[0].Settled(), err
	})
	return err
}
