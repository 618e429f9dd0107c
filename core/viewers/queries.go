package viewers

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Queries reads the public catalogue and a viewer's own data. It changes nothing.
type Queries struct {
	Store     ports.Store
	Clock     ports.Clock
	Providers map[string]ports.Provider // as of the Collector; required for PaymentSystems
	// RenewalGrace is how long access goes on after a period while its renewal has not
	// been tried.
	RenewalGrace time.Duration
}

// Plans lists the plans on sale, by code.
func (v Queries) Plans(ctx context.Context) ([]billing.Plan, error) {
	all, err := v.Store.Views().Plans(ctx)
	return slices.DeleteFunc(all, func(p billing.Plan) bool { return !p.ArchivedAt.IsZero() }), err
}

// PaymentSystem is a payment system, and what a viewer can pay with there.
type PaymentSystem struct {
	billing.PaymentSystem
	Accepts       []ports.Means
	NeedsReceipts bool // a viewer must give a contact for receipts
}

// PaymentSystems lists the payment systems that take new subscriptions, by code. It
// leaves out those that this process has no adapter for, because it cannot charge
// anything through them.
func (v Queries) PaymentSystems(ctx context.Context) ([]PaymentSystem, error) {
	all, err := v.Store.Views().PaymentSystems(ctx)
	var list []PaymentSystem
	for _, ps := range all {
		if p, hasAdapter := v.Providers[ps.Code]; hasAdapter && ps.ArchivedAt.IsZero() {
			can := p.Capabilities()
			list = append(list, PaymentSystem{ps, can.Accepts, can.Receipts != nil})
		}
	}
	return list, err
}

// Subscription returns the subscription that ref names: its id, or the code or id of
// its plan. For a plan it prefers the live subscription, then the newest. It returns
// [billing.ErrNotFound] if the user has none.
func (v Queries) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	s, err := v.Store.Views().Subscription(ctx, user, ref)
	return asOf(s, v.Clock.Now()), err
}

// Subscriptions lists the user's subscriptions, newest first.
func (v Queries) Subscriptions(ctx context.Context, user billing.UserID, p ports.Page) ([]ports.SubscriptionView, error) {
	p.At = v.Clock.Now()
	list, err := v.Store.Views().Subscriptions(ctx, user, p)
	for i := range list {
		list[i] = asOf(list[i], p.At)
	}
	return list, err
}

// History lists the user's events, newest first.
func (v Queries) History(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Event, error) {
	return v.Store.Views().Events(ctx, user, p)
}

// Payment is a payment with its refunds, oldest first, and the status of its receipt.
type Payment struct {
	billing.Payment
	Refunds []billing.Refund
	Receipt billing.ReceiptStatus // empty if it has none
}

// Payments lists the user's payments, newest first.
func (v Queries) Payments(ctx context.Context, user billing.UserID, p ports.Page) ([]Payment, error) {
	list, err := v.Store.Views().Payments(ctx, user, p)
	if err != nil {
		return nil, err
	}
	return v.withDetails(ctx, user, list)
}

// Payment returns a payment of the user. It returns [billing.ErrPaymentNotFound] if the
// user has no such payment.
func (v Queries) Payment(ctx context.Context, user billing.UserID, id billing.PaymentID) (Payment, error) {
	p, err := v.Store.Views().Payment(ctx, user, id)
	if err != nil {
		return Payment{}, err
	}
	list, err := v.withDetails(ctx, user, []billing.Payment{p})
	if err != nil {
		return Payment{}, err
	}
	return list[0], nil
}

// withDetails adds the receipts of payments, and the refunds of those that were charged. No
// other payment has any.
func (v Queries) withDetails(ctx context.Context, user billing.UserID, payments []billing.Payment) ([]Payment, error) {
	list := make([]Payment, len(payments))
	var charged []billing.PaymentID
	for i, p := range payments {
		list[i].Payment = p
		if p.Charged() {
			charged = append(charged, p.ID)
		}
	}
	if len(list) == 0 {
		return list, nil
	}
	if err := v.addReceipts(ctx, user, list); err != nil || len(charged) == 0 {
		return list, err
	}
	refunds, err := v.Store.Views().Refunds(ctx, user, charged...)
	for _, r := range refunds {
		for i := range list {
			if list[i].ID == r.PaymentID {
				list[i].Refunds = append(list[i].Refunds, r)
			}
		}
	}
	return list, err
}

// addReceipts adds the statuses of the receipts of payments.
func (v Queries) addReceipts(ctx context.Context, user billing.UserID, list []Payment) error {
	ids := make([]billing.PaymentID, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	receipts, err := v.Store.Views().Receipts(ctx, user, ids...)
	for _, r := range receipts {
		for i := range list {
			if string(list[i].ID) == string(r.ID) {
				list[i].Receipt = r.Status
			}
		}
	}
	return err
}

// Entitlements lists the features of a user's live plans, sorted and without
// duplicates. Until is when the access to all of them ends at the earliest: see
// [billing.Subscription.AccessUntil]. It is zero without access.
type Entitlements struct {
	Features []string
	Until    time.Time
	At       time.Time // when the user has them, by the billing clock
}

// Entitlements returns the features that the user may use now. With several plans,
// Until is the end of the first to end.
func (v Queries) Entitlements(ctx context.Context, user billing.UserID) (Entitlements, error) {
	live, err := v.Store.Views().LiveSubscriptionsOf(ctx, user)
	if err != nil {
		return Entitlements{}, err
	}
	return v.entitled(v.Clock.Now(), live), nil
}

// entitled returns the entitlements by the live subscriptions of one user.
func (v Queries) entitled(now time.Time, live []ports.LiveSubscription) Entitlements {
	e := Entitlements{At: now}
	for _, s := range live {
		until := s.AccessUntil(e.At, v.RenewalGrace)
		if until.IsZero() {
			continue
		}
		e.Features = append(e.Features, s.Features...)
		if e.Until.IsZero() || until.Before(e.Until) {
			e.Until = until
		}
	}
	slices.Sort(e.Features)
	e.Features = slices.Compact(e.Features)
	return e
}

func asOf(s ports.SubscriptionView, now time.Time) ports.SubscriptionView {
	s.Subscription, _ = s.Subscription.At(now)
	return s
}
