package renewals_test

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// faultyStore calls fail right before each commit and right after it, with the calls
// that the transaction made. An error fails the transaction, which after the commit
// is kept nevertheless. A context that is cancelled during the commit does the same.
type faultyStore struct {
	ports.Store
	fail func(did txCalls, committed bool) error
}

// txCalls are the calls that a transaction made.
type txCalls struct {
	claimed bool // Due.LockDue
	added   bool // Payments.Add, at least one
	saved   bool // Payments.SaveIfUnchanged, at least one
	swept   bool // Leases.LeaseForSweep
	resent  bool // Leases.LeaseForResend
	put     bool // Runs.Put
}

func (s faultyStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	var did txCalls
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		did = txCalls{}
		tx.Due = notedDue{tx.Due, &did}
		tx.Payments = notedPayments{tx.Payments, &did}
		tx.Leases = notedLeases{tx.Leases, &did}
		tx.Runs = notedRuns{tx.Runs, &did}
		if err := f(tx); err != nil {
			return err
		}
		return s.fail(did, false)
	})
	if err != nil {
		return err
	}
	if err := s.fail(did, true); err != nil {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

type notedDue struct {
	ports.DueSubscriptions
	did *txCalls
}

func (r notedDue) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	r.did.claimed = true
	return r.DueSubscriptions.LockDue(ctx, q)
}

type notedPayments struct {
	ports.Payments
	did *txCalls
}

func (r notedPayments) Add(ctx context.Context, send time.Duration, p ...billing.Payment) error {
	r.did.added = r.did.added || len(p) > 0
	return r.Payments.Add(ctx, send, p...)
}

type notedLeases struct {
	ports.PaymentLeases
	did *txCalls
}

func (r notedLeases) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.Unsettled, error) {
	r.did.swept = true
	return r.PaymentLeases.LeaseForSweep(ctx, q)
}

func (r notedLeases) LeaseForResend(ctx context.Context, send time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	r.did.resent = true
	return r.PaymentLeases.LeaseForResend(ctx, send, absent...)
}

func (r notedPayments) SaveIfUnchanged(ctx context.Context, p ...ports.Versioned[billing.Payment]) error {
	r.did.saved = r.did.saved || len(p) > 0
	return r.Payments.SaveIfUnchanged(ctx, p...)
}

type notedRuns struct {
	ports.Runs
	did *txCalls
}

func (r notedRuns) Put(ctx context.Context, run ports.Run) error {
	r.did.put = true
	return r.Runs.Put(ctx, run)
}
