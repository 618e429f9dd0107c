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

// TokenForgetter asks payment systems to forget the tokens of removed payment methods. The
// removal stores each token in its own transaction, so a crash loses none. The token is
// erased as soon as the payment system has forgotten it.
type TokenForgetter struct {
	Store      ports.Store
	Forgetters map[string]ports.Forgetter // by payment system code
	// Timeout bounds one call of a payment system.
	Timeout time.Duration
	Log     *slog.Logger
}

// forgetInterval is the time between two attempts to let a token be forgotten.
var forgetInterval = billing.LookupInterval{Min: SweepLease, Max: time.Hour}

// Forgotten is the result of one round.
type Forgotten struct {
	Done   int // tokens that are erased
	Failed int // tokens that stay for the next attempt
}

// Forget asks the payment systems to forget at most limit tokens that no process works on.
// It leaves a token that a pending payment may still charge. It erases a token that another
// method of the viewer has, because the viewer uses it again. After thirty days it gives a
// token up. At most concurrency calls are in flight.
//
// Any number of processes may do this concurrently. A token that is forgotten twice is no
// error.
func (f *TokenForgetter) Forget(ctx context.Context, limit, concurrency int) (Forgotten, error) {
	round, err := ports.InTx(ctx, f.Store, func(tx ports.Repos) (forgetRound, error) { return f.lease(ctx, tx, limit) })
	if err != nil {
		return Forgotten{}, fmt.Errorf("forget tokens: %w", err)
	}
	type result struct {
		ports.TokenRemoval
		err error
	}
	results := inParallel(concurrency, round.ask, func(r ports.TokenRemoval) result { return result{r, f.forget(ctx, r)} })
	for _, r := range round.givenUp {
		f.Log.ErrorContext(ctx, "the payment system has not forgotten a token within 30 days; delete the method there by hand",
			"payment_method_id", r.Method, "payment_system", r.PaymentSystem, "user_id", r.User)
	}
	forgotten := Forgotten{Done: round.erased, Failed: round.waiting}
	var failed []error
	for _, r := range results {
		if r.err != nil {
			forgotten.Failed++
			f.Log.WarnContext(ctx, "the payment system has not forgotten a token; will ask again",
				"payment_method_id", r.Method, "payment_system", r.PaymentSystem, "error", r.err)
			continue
		}
		err := f.Store.InTx(ctx, func(tx ports.Repos) error { return tx.TokenRemovals.Done(ctx, r.User, r.Method) })
		if err != nil {
			failed = append(failed, fmt.Errorf("erase the token of payment method %s: %w", r.Method, err))
			continue
		}
		forgotten.Done++
	}
	return forgotten, errors.Join(failed...)
}

// forgetRound is the work of one call of Forget.
type forgetRound struct {
	ask, givenUp    []ports.TokenRemoval
	erased, waiting int // erased includes those that are given up
}

// lease takes tokens and decides about each. Nothing is asked before the commit.
func (f *TokenForgetter) lease(ctx context.Context, tx ports.Repos, limit int) (l forgetRound, err error) {
	list, err := tx.TokenRemovals.Lease(ctx, forgetInterval, limit)
	if err != nil {
		return l, err
	}
	for _, r := range list {
		inUse, err := tx.TokenRemovals.InUse(ctx, r)
		if err != nil {
			return l, err
		}
		charging, err := tx.Methods.MayBeCharged(ctx, r.User, r.Method)
		if err != nil {
			return l, err
		}
		overdue := billing.ForgetOverdue(r.Age)
		switch {
		case inUse, overdue:
			if err := tx.TokenRemovals.Done(ctx, r.User, r.Method); err != nil {
				return l, err
			}
			l.erased++
		case charging:
			l.waiting++
		default:
			l.ask = append(l.ask, r)
		}
		if overdue && !inUse {
			l.givenUp = append(l.givenUp, r)
		}
	}
	return l, nil
}

// forget asks the payment system outside any transaction.
func (f *TokenForgetter) forget(ctx context.Context, r ports.TokenRemoval) error {
	forgetter, ok := f.Forgetters[r.PaymentSystem]
	switch {
	case !ok:
		return errors.New("this process has no adapter that forgets tokens there")
	case r.Token.IsZero():
		return errors.New("the token cannot be decrypted")
	case ctx.Err() != nil:
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	return forgetter.Forget(ctx, r.Token)
}
