package viewers

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SaveMethod is a viewer's request to save a payment method on a page of the payment
// system.
type SaveMethod struct {
	User          billing.UserID
	PaymentSystem string // its code
	ReturnURL     string // to which the viewer returns from the page; may be empty
	Request       *ports.KeyedRequest
}

// Save opens a page on which the viewer saves a payment method, and charges nothing. It
// returns the method: pending, with the address of the page. The method becomes active or
// failed later. If the payment system does not answer, the method is pending without a page
// until a sweep finds one.
//
// The method of a request with an Idempotency-Key has the id of the request's attempt, so
// that [Requests.Replay] finds it after a crash. Errors:
//
//	ErrPaymentSystemNotFound     there is no such payment system, or it is archived
//	ErrPaymentSystemUnavailable  this process has no adapter for the payment system
//	ErrNotSupported              the payment system saves no method without a charge
//	ErrRateLimited               a [billing.LimitedError]: too many new payment methods
//	ErrRequestInProgress         another request with the same key is running
//	ErrUnavailable               nothing was saved, or the method is still being saved
func (s *Methods) Save(ctx context.Context, cmd SaveMethod) (Method, error) {
	id := s.NewID()
	if cmd.Request != nil {
		id = cmd.Request.Owner
	}
	m := billing.NewPageMethod(billing.PaymentMethodID(id), cmd.User, cmd.PaymentSystem, s.Clock.Now())
	save, deadline := billing.NewSave(m, cmd.ReturnURL), s.Saver.SendDeadline()
	err := s.Store.InTx(ctx, func(tx ports.Repos) error { return s.storeSave(ctx, tx, m, save, cmd.Request) })
	if err != nil {
		return Method{}, fmt.Errorf("save payment method: %w", err)
	}
	saved, err := s.Saver.Save(ctx, save, deadline)
	if err != nil {
		return Method{}, errors.Join(errSaving, err)
	}
	if err := saveFailure(saved); err != nil {
		return Method{}, fmt.Errorf("save payment method: %w", err)
	}
	v, err := s.Store.Views().SavedMethod(ctx, m.UserID, m.ID)
	if err != nil {
		return Method{}, errors.Join(errSaving, err)
	}
	return s.withUseOf(ctx, v)
}

// errSaving is the response if the payment system was asked, but its response was not stored.
var errSaving = billing.ErrUnavailable.WithMessage("the payment method is being saved; look at the payment methods in a moment")

// storeSave stores the intent. No event is recorded before the method is active.
func (s *Methods) storeSave(ctx context.Context, tx ports.Repos, m billing.PaymentMethod, save billing.MethodSave, r *ports.KeyedRequest) error {
	// The claim comes first, so that a repetition waits here for the first request.
	if err := claim(ctx, tx, r, ""); err != nil {
		return err
	}
	if err := errors.Join(tx.Users.Seen(ctx, m.CreatedAt, m.UserID), tx.Users.Lock(ctx, m.UserID)); err != nil {
		return err
	}
	facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: m.UserID, PaymentSystem: m.PaymentSystem})
	if err != nil {
		return err
	}
	if err := s.checkSaver(facts[0].PaymentSystem, m.PaymentSystem); err != nil {
		return err
	}
	if err := (linker{s.NewID, s.Providers, s.Limits}).checkLimit(ctx, tx, m); err != nil {
		return err
	}
	if err := tx.Methods.Add(ctx, m); err != nil {
		return err
	}
	return tx.Saves.Add(ctx, s.Saver.SendWindow(), save)
}

// checkSaver returns an error unless the payment system can save a method.
func (s *Methods) checkSaver(ps *billing.PaymentSystem, system string) error {
	switch {
	case ps == nil:
		return billing.ErrPaymentSystemNotFound
	case !ps.ArchivedAt.IsZero():
		return billing.ErrPaymentSystemNotFound.WithMessage("payment system %s takes no new payment methods", system)
	}
	if err := checkAdapter(system, s.Providers); err != nil {
		return err
	}
	if _, can := s.Saver.Savers[system]; !can {
		return billing.ErrNotSupported.WithMessage(
			"payment system %s saves no payment method without a charge; subscribe with it instead; nothing was charged", system)
	}
	return nil
}

// saveFailure returns the viewer's error if no page was opened.
func saveFailure(s billing.MethodSave) error {
	switch {
	case s.Status != billing.MethodFailed:
		return nil
	case s.DeclineCode == billing.Refused:
		return errors.Join(billing.ErrUnavailable.WithMessage(
			"payment system %s cannot save a payment method at the moment; nothing was charged", s.PaymentSystem), ports.ErrRefused)
	default:
		return billing.ErrUnavailable.WithMessage("payment system %s is unavailable; nothing was saved or charged", s.PaymentSystem)
	}
}
