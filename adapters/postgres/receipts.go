package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// receipts implements [ports.Receipts].
type receipts struct {
	q        *dbgen.Queries
	tx       tx
	contacts contacts
}

func (r receipts) Facts(ctx context.Context, queries ...ports.ReceiptQuery) ([]ports.ReceiptFacts, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	plans, err := r.q.ReceiptPlans(ctx, mapSlice(queries, func(q ports.ReceiptQuery) string { return string(q.Plan) }))
	if err != nil {
		return nil, err
	}
	newest, err := r.q.ContactsNewest(ctx, mapSlice(queries, func(q ports.ReceiptQuery) string { return string(q.User) }))
	if err != nil {
		return nil, err
	}
	planOf := make(map[billing.PlanID]*dbgen.ReceiptPlansRow, len(plans))
	for _, row := range plans {
		planOf[billing.PlanID(row.ID)] = row
	}
	contactOf := make(map[billing.UserID]billing.ReceiptContact, len(newest))
	for _, row := range newest {
		contactOf[billing.UserID(row.UserID)] = r.contacts.contactOf(row)
	}
	facts := make([]ports.ReceiptFacts, len(queries))
	for i, q := range queries {
		plan, ok := planOf[q.Plan]
		if !ok {
			return nil, fmt.Errorf("plan %s: %w", q.Plan, billing.ErrPlanNotFound)
		}
		facts[i] = ports.ReceiptFacts{Contact: contactOf[q.User], Plan: plan.Name, VAT: billing.VAT(plan.Vat)}
	}
	return facts, nil
}

func (r receipts) AddContact(ctx context.Context, list ...billing.ReceiptContact) error {
	if len(list) == 0 {
		return nil
	}
	encrypted := make([]billing.Encrypted, len(list))
	plaintexts := make([]string, len(list))
	for i, c := range list {
		var err error
		if encrypted[i], err = r.contacts.encrypt(c); err != nil {
			return err
		}
		if r.contacts.vault == nil {
			plaintexts[i] = c.Contact.Reveal()
		}
	}
	return r.tx.queue().ContactsAdd(ctx, dbgen.ContactsAddParams{
		UserIds:       mapSlice(list, func(c billing.ReceiptContact) string { return string(c.UserID) }),
		Ids:           mapSlice(list, func(c billing.ReceiptContact) string { return string(c.ID) }),
		Contacts:      plaintexts,
		ContactCts:    mapSlice(encrypted, func(e billing.Encrypted) []byte { return e.Ciphertext }),
		ContactKeyIds: mapSlice(encrypted, func(e billing.Encrypted) int64 { return int64(e.KeyID) }),
	})
}

func (r receipts) Add(ctx context.Context, list ...billing.Receipt) error {
	if len(list) == 0 {
		return nil
	}
	return r.tx.queue().ReceiptsAdd(ctx, dbgen.ReceiptsAddParams{
		UserIds:        mapSlice(list, func(one billing.Receipt) string { return string(one.UserID) }),
		Ids:            mapSlice(list, func(one billing.Receipt) string { return string(one.ID) }),
		PaymentIds:     mapSlice(list, func(one billing.Receipt) string { return string(one.PaymentID) }),
		PaymentSystems: mapSlice(list, func(one billing.Receipt) string { return one.PaymentSystem }),
		ContactIds:     mapSlice(list, func(one billing.Receipt) string { return string(one.ContactID) }),
		Items:          mapSlice(list, func(one billing.Receipt) string { return one.Item }),
		Vats:           mapSlice(list, func(one billing.Receipt) string { return string(one.VAT) }),
		Modes:          mapSlice(list, func(one billing.Receipt) string { return string(one.Terms.Mode) }),
		TaxSystems:     mapSlice(list, func(one billing.Receipt) int16 { return int16(one.Terms.TaxSystem) }),
		Created:        mapSlice(list, func(one billing.Receipt) time.Time { return one.CreatedAt }),
	})
}

func (r receipts) Find(ctx context.Context, keys ...ports.ReceiptKey) ([]billing.Receipt, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.q.ReceiptsFind(ctx,
		mapSlice(keys, func(k ports.ReceiptKey) string { return string(k.User) }),
		mapSlice(keys, func(k ports.ReceiptKey) string { return string(k.ID) }))
	return mapSlice(rows, func(row *dbgen.ReceiptsFindRow) billing.Receipt {
		one := receiptOf(&row.Receipt)
		one.Contact = r.contacts.contactOf(&row.ReceiptContact).Contact
		return one
	}), err
}

func (r receipts) Save(ctx context.Context, one billing.Receipt) error {
	return r.tx.queue().ReceiptSave(ctx, dbgen.ReceiptSaveParams{
		UserID: string(one.UserID), ID: string(one.ID), Status: string(one.Status), SettledAt: one.SettledAt,
	})
}

func (r receipts) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.UnsettledReceipt, error) {
	rows, err := r.q.ReceiptsLeaseForSweep(ctx, dbgen.ReceiptsLeaseForSweepParams{
		System: q.System, Take: int32(q.Limit), Shortest: interval(q.Interval.Min), Longest: interval(q.Interval.Max),
	})
	return mapSlice(rows, func(row *dbgen.ReceiptsLeaseForSweepRow) ports.UnsettledReceipt {
		return ports.UnsettledReceipt{Receipt: receiptOf(&row.Receipt), Age: row.LeasedAt.Sub(row.Receipt.AddedAt)}
	}), err
}

func (v views) Receipts(ctx context.Context, user billing.UserID, ids ...billing.PaymentID) ([]billing.Receipt, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Receipt, error) {
		return v.q.ViewReceipts(ctx, string(user), stringsOf(ids))
	}, receiptOf)
}

func (v views) SystemsToSweepReceipts(ctx context.Context) ([]string, error) {
	return queryMany(ctx, v.q.ReceiptsSystemsToSweep, func(code string) string { return code })
}

func receiptOf(row *dbgen.Receipt) billing.Receipt {
	return billing.Receipt{
		ID: billing.ReceiptID(row.ID), UserID: billing.UserID(row.UserID), PaymentID: billing.PaymentID(row.PaymentID),
		PaymentSystem: row.PaymentSystem, ContactID: billing.ContactID(row.ContactID), Item: row.Item, VAT: billing.VAT(row.Vat),
		Terms:  billing.ReceiptTerms{Mode: billing.ReceiptMode(row.Mode), TaxSystem: int(row.TaxSystem)},
		Status: billing.ReceiptStatus(row.Status), CreatedAt: row.CreatedAt, SettledAt: row.SettledAt,
	}
}
