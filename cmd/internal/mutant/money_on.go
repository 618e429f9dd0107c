//go:build mutant

package mutant

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// chargeInTransaction charges before the intent is committed.
func chargeInTransaction(b *bug, tx *ports.Repos) {
	tx.Payments = chargeOnAdd{tx.Payments, b, tx.Methods}
}

type chargeOnAdd struct {
	ports.Payments
	bug     *bug
	methods ports.Methods
}

func (p chargeOnAdd) Add(ctx context.Context, send time.Duration, list ...billing.Payment) error {
	if err := p.Payments.Add(ctx, send, list...); err != nil {
		return err
	}
	for _, one := range list {
		m, err := p.methods.Find(ctx, one.UserID, one.MethodID)
		if err != nil {
			return err
		}
		// The service charges the same key again after the commit, so this outcome is not needed.
		_, _ = p.bug.providers[one.PaymentSystem].Charge(ctx, ports.ChargeRequest{
			Key: one.ID, Token: m.Token, Amount: one.Amount, Initiator: one.Initiator,
		})
	}
	return nil
}

// settleWithoutRereading settles a payment as if it were still pending.
func settleWithoutRereading(b *bug, tx *ports.Repos) {
	writtenOver(b, tx)
	tx.Payments = alwaysPending{tx.Payments}
}

type alwaysPending struct{ ports.Payments }

func (p alwaysPending) Lock(ctx context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	list, err := p.Payments.Lock(ctx, keys...)
	for i := range list {
		list[i].Status, list[i].SettledAt = billing.PaymentPending, time.Time{}
	}
	return list, err
}

// writtenOver overwrites concurrent changes, because it does not compare versions.
func writtenOver(_ *bug, tx *ports.Repos) {
	tx.Subscriptions, tx.Payments = unversionedSubscriptions{tx.Subscriptions}, unversionedPayments{tx.Payments}
}

type unversionedSubscriptions struct{ ports.Subscriptions }

func (s unversionedSubscriptions) SaveIfUnchanged(ctx context.Context, list ...ports.Versioned[billing.Subscription]) error {
	return s.Save(ctx, records(list)...)
}

type unversionedPayments struct{ ports.Payments }

func (p unversionedPayments) SaveIfUnchanged(ctx context.Context, list ...ports.Versioned[billing.Payment]) error {
	return p.Save(ctx, records(list)...)
}

func records[T any](list []ports.Versioned[T]) []T {
	all := make([]T, len(list))
	for i, v := range list {
		all[i] = v.Record
	}
	return all
}

// resendWithoutGrant sends payments again without the send lease.
func resendWithoutGrant(_ *bug, tx *ports.Repos) { tx.Leases = alwaysLeased{tx.Leases} }

type alwaysLeased struct{ ports.PaymentLeases }

func (p alwaysLeased) LeaseForResend(ctx context.Context, send time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	_, err := p.PaymentLeases.LeaseForResend(ctx, send, absent...)
	keys := make([]ports.PaymentKey, len(absent))
	for i, a := range absent {
		keys[i] = a.PaymentKey
	}
	return keys, err
}

// noSendWindow stores payments with an expired send lease, so that sweeps do not wait
// for a process that may still send.
func noSendWindow(_ *bug, tx *ports.Repos) { tx.Payments = noSendLease{tx.Payments} }

type noSendLease struct{ ports.Payments }

func (p noSendLease) Add(ctx context.Context, _ time.Duration, list ...billing.Payment) error {
	return p.Payments.Add(ctx, 0, list...)
}

// payShortensGrace is the name of the bug that treats a viewer's own declined payment as a
// declined renewal.
const payShortensGrace = "pay-shortens-grace"

// declinedOwn holds the viewers' own payments that the payment system declined.
var declinedOwn sync.Map

type ownDeclines struct{ ports.Provider }

func (p ownDeclines) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if r.Initiator == billing.CustomerInitiated && o.Status == billing.PaymentDeclined {
		declinedOwn.Store(r.Key, true)
	}
	return o, err
}

func ownDeclineIsRenewal(_ *bug, tx *ports.Repos) { tx.Payments = renewalsOnly{tx.Payments} }

type renewalsOnly struct{ ports.Payments }

func (p renewalsOnly) Lock(ctx context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	list, err := p.Payments.Lock(ctx, keys...)
	for i := range list {
		if _, declined := declinedOwn.Load(list[i].ID); declined {
			list[i].Initiator = billing.MerchantInitiated
		}
	}
	return list, err
}
