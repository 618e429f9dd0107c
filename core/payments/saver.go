package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// MethodSaver saves payment methods on pages of payment systems, without charges. The
// caller stores the intent and commits it before it calls Save.
type MethodSaver struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Providers map[string]ports.Provider // by payment system code
	Savers    map[string]ports.Saver    // those of Providers that can save without a charge
	// Timeout bounds one call of a payment system.
	Timeout time.Duration
	// RecordTimeout bounds the transaction that records an outcome.
	RecordTimeout time.Duration
	Log           *slog.Logger
}

// SendWindow is the time during which a save may be sent, counted from its commit.
func (s *MethodSaver) SendWindow() time.Duration { return sendWindow(s.Timeout) }

// SendDeadline returns the time by which the request must end. Call it before the intent is
// stored, as [Collector.SendDeadline].
func (s *MethodSaver) SendDeadline() time.Time { return sendDeadline(s.Timeout) }

// Save opens the page of a stored save, outside any transaction, and records the outcome.
// The end of ctx does not interrupt the request.
//
// If the outcome is unknown, the save stays pending, and a sweep looks it up. An error means
// that the outcome was not recorded; a sweep will record it.
func (s *MethodSaver) Save(ctx context.Context, save billing.MethodSave, deadline time.Time) (billing.MethodSave, error) {
	ctx = context.WithoutCancel(ctx)
	o, err := s.send(ctx, save, deadline)
	if err != nil {
		o = refusalOf(err)
		s.Log.WarnContext(ctx, "saving a payment method failed", "payment_method_id", save.MethodID,
			"payment_system", save.PaymentSystem, "unknown", o.Status == "", "error", err)
	}
	return s.record(ctx, save, o, false)
}

func (s *MethodSaver) send(ctx context.Context, save billing.MethodSave, deadline time.Time) (billing.SaveOutcome, error) {
	saver, ok := s.Savers[save.PaymentSystem]
	if !ok {
		return billing.SaveOutcome{}, fmt.Errorf("payment system %q saves no methods: %w", save.PaymentSystem, ports.ErrNotSent)
	}
	ctx, cancel, err := sendContext(ctx, s.Timeout, deadline)
	if err != nil {
		return billing.SaveOutcome{}, err
	}
	defer cancel()
	o, err := saver.Save(ctx, requestOf(save))
	return s.clean(ctx, save, o), err
}

func requestOf(s billing.MethodSave) ports.SaveRequest {
	return ports.SaveRequest{Key: s.MethodID, Payer: s.UserID, ReturnURL: s.ReturnURL}
}

// clean returns the outcome that a payment system reported, as it can be stored.
func (s *MethodSaver) clean(ctx context.Context, save billing.MethodSave, o billing.SaveOutcome) billing.SaveOutcome {
	clean, changed := o.Clean()
	if len(changed) > 0 {
		s.Log.WarnContext(ctx, "the payment system's outcome has values that cannot be stored; they were cleaned or removed",
			"payment_method_id", save.MethodID, "payment_system", save.PaymentSystem, "fields", changed)
	}
	return clean
}

// refusalOf returns the outcome that an error of a first request proves, or the zero
// outcome if it proves nothing. The viewer's request is never sent again.
func refusalOf(err error) billing.SaveOutcome {
	failed := func(code billing.DeclineCode) billing.SaveOutcome {
		return billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: code}
	}
	switch {
	case errors.Is(err, ports.ErrNotSent), errors.Is(err, ports.ErrCredentials):
		return failed(billing.NotSent)
	case errors.Is(err, ports.ErrRefused):
		return failed(billing.Refused)
	default:
		return billing.SaveOutcome{}
	}
}

// record applies an outcome under lock. The zero outcome is unknown. Unless a sweep has
// leased the save, the next sweep looks a pending one up.
func (s *MethodSaver) record(ctx context.Context, save billing.MethodSave, o billing.SaveOutcome, swept bool) (billing.MethodSave, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.RecordTimeout)
	defer cancel()
	recorded, err := ports.InTx(ctx, s.Store, func(tx ports.Repos) (recordedSave, error) {
		r, err := s.apply(ctx, tx, save, o)
		if err == nil && !swept && !r.Settled() {
			err = tx.Saves.Release(ctx, r.UserID, r.MethodID)
		}
		return r, err
	})
	switch {
	case err != nil:
		return save, fmt.Errorf("record the save of payment method %s: %w", save.MethodID, err)
	case recorded.settledNow:
		s.Log.InfoContext(ctx, "payment method", "payment_method_id", recorded.MethodID, "status", recorded.Status,
			"decline_code", recorded.DeclineCode, "payment_system", recorded.PaymentSystem, "user_id", recorded.UserID)
	}
	return recorded.MethodSave, nil
}

// recordedSave is a save as it is stored after an outcome.
type recordedSave struct {
	billing.MethodSave
	settledNow bool // by this outcome
}

func (s *MethodSaver) apply(ctx context.Context, tx ports.Repos, save billing.MethodSave, o billing.SaveOutcome) (recordedSave, error) {
	stored, err := tx.Saves.Lock(ctx, save.UserID, save.MethodID)
	unchanged := recordedSave{MethodSave: stored}
	if err != nil || o.Status == "" {
		return unchanged, err
	}
	absent := o.Status == billing.MethodFailed && o.ProviderRef == "" && o.DeclineCode == billing.NotSent
	if absent && stored.ProviderRef != save.ProviderRef {
		return unchanged, nil // another process has heard of it meanwhile
	}
	now := s.Clock.Now()
	applied, settled := stored.Apply(o, now)
	if applied == stored {
		return unchanged, nil
	}
	if err := tx.Saves.Save(ctx, applied); err != nil {
		return unchanged, err
	}
	if settled && applied.Status == billing.MethodActive {
		err = s.activate(ctx, tx, applied, o.Token, now)
	}
	return recordedSave{applied, settled}, err
}

// activate gives the method its token. If the viewer has removed the method meanwhile, the
// payment system must forget the token.
func (s *MethodSaver) activate(ctx context.Context, tx ports.Repos, save billing.MethodSave, token billing.Secret, now time.Time) error {
	m, err := tx.Methods.Find(ctx, save.UserID, save.MethodID)
	if err != nil {
		return err
	}
	if !m.RemovedAt.IsZero() {
		m.Token = token
		return tx.TokenRemovals.Add(ctx, m)
	}
	if err := tx.Methods.SetToken(ctx, m.UserID, m.ID, token); err != nil {
		return err
	}
	events := []billing.Event{m.SavedEvent(now)}
	ports.Identify(events, s.NewID)
	return tx.Events.Append(ctx, events...)
}
