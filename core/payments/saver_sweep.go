package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SweptSaves lists the saves that a sweep took, as the sweep left them.
type SweptSaves []billing.MethodSave

// Count returns how many of the saves are settled and how many are still pending.
func (s SweptSaves) Count() (settled, pending int) { return count(s, billing.MethodSave.Settled) }

// SystemsToSweep returns the codes of the payment systems that have pending saves to look
// up, in any order.
func (s *MethodSaver) SystemsToSweep(ctx context.Context) ([]string, error) {
	systems, err := s.Store.Views().SystemsToSweepSaves(ctx)
	if err != nil {
		err = fmt.Errorf("sweep saved methods: %w", err)
	}
	return systems, err
}

// SweepSystem looks up at most limit pending saves of one payment system that no process
// works on, and records their outcomes. A save that was never received fails. A page that
// stays open for longer than any payment system allows has expired. At most concurrency
// lookups are in flight.
//
// Any number of sweeps may run concurrently. The saves are returned even with an error.
func (s *MethodSaver) SweepSystem(ctx context.Context, system string, limit, concurrency int) (SweptSaves, error) {
	leased, err := ports.InTx(ctx, s.Store, func(tx ports.Repos) ([]ports.UnsettledSave, error) {
		return tx.Saves.LeaseForSweep(ctx, ports.SweepQuery{System: system, Interval: lookupInterval, Limit: limit})
	})
	if err != nil {
		return nil, fmt.Errorf("sweep saved methods of %s: %w", system, err)
	}
	type lookup struct {
		save    billing.MethodSave
		outcome billing.SaveOutcome
	}
	var swept SweptSaves
	var failed []error
	for _, l := range inParallel(concurrency, leased, func(u ports.UnsettledSave) lookup {
		return lookup{u.MethodSave, s.find(ctx, u)}
	}) {
		recorded, err := s.record(ctx, l.save, l.outcome, true)
		swept, failed = append(swept, recorded), append(failed, err)
		if err != nil && !ports.ItemFault(err) {
			break
		}
	}
	return swept, errors.Join(failed...)
}

// find returns the outcome of a save, or the zero outcome if it is unknown.
func (s *MethodSaver) find(ctx context.Context, u ports.UnsettledSave) billing.SaveOutcome {
	saver, ok := s.Savers[u.PaymentSystem]
	if !ok {
		s.Log.ErrorContext(ctx, "a payment method is being saved at a payment system that saves none here",
			"payment_method_id", u.MethodID, "payment_system", u.PaymentSystem)
		return billing.SaveOutcome{}
	}
	if ctx.Err() != nil {
		return billing.SaveOutcome{}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	o, err := saver.FindSave(ctx, ports.SaveQuery{
		SaveRequest: requestOf(u.MethodSave), ProviderRef: u.ProviderRef, SentFrom: u.Times.First, SentUntil: u.Times.Until,
	})
	switch {
	case err == nil && o.Status == billing.MethodPending && u.Times.SaveOverdue():
		return billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.ActionExpired, ProviderRef: o.ProviderRef}
	case err == nil:
		return s.clean(ctx, u.MethodSave, o)
	case errors.Is(err, ports.ErrSaveNotFound):
		if s.Providers[u.PaymentSystem].Capabilities().AbsenceFinal(u.Times) {
			return refusalOf(ports.ErrNotSent)
		}
	default:
		s.Log.WarnContext(ctx, "lookup failed", "payment_method_id", u.MethodID, "payment_system", u.PaymentSystem, "error", err)
	}
	return billing.SaveOutcome{}
}
