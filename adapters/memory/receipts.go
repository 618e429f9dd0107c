package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// receipt is a receipt with its times on the wall clock.
type receipt struct {
	billing.Receipt
	addedAt, lookAt time.Time
}

// receipts implements [ports.Receipts].
type receipts struct{ *tx }

func (r receipts) Facts(_ context.Context, queries ...ports.ReceiptQuery) ([]ports.ReceiptFacts, error) {
	facts := make([]ports.ReceiptFacts, len(queries))
	for i, q := range queries {
		p, ok := r.plans[q.Plan]
		if !ok {
			return nil, fmt.Errorf("plan %s: %w", q.Plan, billing.ErrPlanNotFound)
		}
		facts[i] = ports.ReceiptFacts{Contact: r.contacts[q.User], Plan: p.Name, VAT: p.VAT}
	}
	return facts, nil
}

func (r receipts) AddContact(_ context.Context, list ...billing.ReceiptContact) error {
	for _, c := range list {
		r.contacts[c.UserID], r.allContacts[c.ID] = c, c
	}
	return nil
}

func (r receipts) Add(_ context.Context, list ...billing.Receipt) error {
	now := r.wall()
	for _, one := range list {
		if _, taken := r.receipts[one.ID]; taken {
			return r.abort(billing.ErrAlreadyExists)
		}
		if _, ok := r.allContacts[one.ContactID]; !ok {
			return r.abort(fmt.Errorf("add receipt %s: there is no contact %s", one.ID, one.ContactID))
		}
		if p, ok := r.payments[one.PaymentID]; !ok || p.UserID != one.UserID {
			return r.abort(fmt.Errorf("add receipt %s: the user has no payment %s", one.ID, one.PaymentID))
		}
		one.Contact = billing.Contact{}
		r.receipts[one.ID] = receipt{one, now, now.Add(time.Minute)}
	}
	return nil
}

func (r receipts) Find(_ context.Context, keys ...ports.ReceiptKey) ([]billing.Receipt, error) {
	var list []billing.Receipt
	for _, k := range keys {
		if one, ok := r.receipts[k.ID]; ok && one.UserID == k.User {
			one.Contact = r.allContacts[one.ContactID].Contact
			list = append(list, one.Receipt)
		}
	}
	return list, nil
}

func (r receipts) Save(_ context.Context, changed billing.Receipt) error {
	one, ok := r.receipts[changed.ID]
	if ok && one.UserID == changed.UserID && !one.Settled() {
		one.Status, one.SettledAt = changed.Status, changed.SettledAt
		r.receipts[one.ID] = one
	}
	return nil
}

func (r receipts) LeaseForSweep(_ context.Context, q ports.SweepQuery) ([]ports.UnsettledReceipt, error) {
	now := r.wall()
	due := slices.DeleteFunc(r.receiptsToSweep(now), func(one receipt) bool { return one.PaymentSystem != q.System })
	var leased []ports.UnsettledReceipt
	for _, one := range due[:min(q.Limit, len(due))] {
		age := now.Sub(one.addedAt)
		leased = append(leased, ports.UnsettledReceipt{Receipt: one.Receipt, Age: age})
		one.lookAt = now.Add(q.Interval.After(age))
		r.receipts[one.ID] = one
	}
	return leased, nil
}

// receiptsToSweep returns the receipts that a sweep may take, oldest first.
func (s *state) receiptsToSweep(now time.Time) []receipt {
	return arrived(s.receipts, now, func(one receipt) (time.Time, bool) { return one.lookAt, !one.Settled() })
}

func (v views) SystemsToSweepReceipts(context.Context) ([]string, error) {
	return systemsOf(v.state().receiptsToSweep(v.store.wall()), func(one receipt) string { return one.PaymentSystem }), nil
}

func (v views) Receipts(_ context.Context, user billing.UserID, ids ...billing.PaymentID) ([]billing.Receipt, error) {
	var list []billing.Receipt
	for _, one := range v.state().receipts {
		if one.UserID == user && slices.Contains(ids, one.PaymentID) {
			list = append(list, one.Receipt)
		}
	}
	slices.SortFunc(list, func(a, b billing.Receipt) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
