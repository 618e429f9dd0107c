package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Cancel is a viewer's request to end a subscription.
type Cancel struct {
	User    billing.UserID
	Ref     string         // the subscription's id, or its plan's code or id
	Token   billing.Secret // optional; must be the token that pays the subscription
	At      billing.CancelAt
	Request *ports.KeyedRequest
	Respond Respond // optional
}

// Cancel ends a subscription at the end of its period, or immediately. If a renewal is
// pending, Cancel waits until its charge has been sent or can no longer be sent. After
// the response no charge is sent. The renewal may then still be pending.
//
// A cancel that returns ErrUnavailable because it has waited too long is stored, and may
// be repeated. Errors:
//
//	ErrNotFound             the viewer has no such subscription
//	ErrPaymentTokenUnknown  the subscription is not paid with this token
//	ErrInvalidTransition    the subscription has ended, or its payment is being settled
//	ErrRequestInProgress    another request with the same key is running
//	ErrUnavailable          a pending renewal may still be sent
//	ErrRateLimited          a [billing.LimitedError]: the cancel changes nothing, and the viewer has too many keys
func (s *Subscriber) Cancel(ctx context.Context, cmd Cancel) (ports.SubscriptionView, error) {
	v, err := s.change(ctx, cmd.User, cmd.Ref, keyed{cmd.Request, cmd.Respond},
		func(tx ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, error) {
			if err := checkToken(ctx, tx, sub, cmd.Token); err != nil {
				return sub, nil, err
			}
			return sub.Cancel(cmd.At, now)
		})
	if err == nil && chargedDespiteCancel(v.Subscription) {
		v, err = s.awaitRenewal(ctx, cmd, v)
	}
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("cancel: %w", err)
	}
	return v, nil
}

// chargedDespiteCancel reports whether a renewal was billed before the cancel and may be
// sent after it.
func chargedDespiteCancel(s billing.Subscription) bool {
	return s.CancelAtPeriodEnd && s.RenewalPending()
}

// errRenewing is the response to a cancel if a renewal may still be sent.
var errRenewing = billing.ErrUnavailable.WithMessage(
	"the subscription is cancelled, but a renewal is being charged at this moment; repeat the cancel to see its outcome")

// awaitRenewal waits until the pending renewal can no longer be sent, and returns the
// subscription afterwards. A charge starts only while at least the time limit of a charge
// remains of its send lease: see [payments.Collector.Charge].
//
// If the wait fails, awaitRenewal releases the key of the request, so that a repetition
// waits again.
func (s *Subscriber) awaitRenewal(ctx context.Context, cmd Cancel, v ports.SubscriptionView) (ports.SubscriptionView, error) {
	renewal := ports.PaymentKey{User: v.UserID, ID: v.LatestPaymentID}
	unsent, err := waiter{s.Store, s.Wait, s.Pause}.await(ctx, func(tx ports.Repos) (bool, error) {
		left, err := tx.Leases.SendRemaining(ctx, renewal)
		return left > s.Collector.ChargeTimeout, err
	})
	if err == nil && unsent {
		return s.view(ctx, v.UserID, string(v.ID))
	}
	err = errors.Join(errRenewing, err)
	if cmd.Request != nil {
		err = errors.Join(err, Requests{s.Store}.Forget(context.WithoutCancel(ctx), *cmd.Request))
	}
	return ports.SubscriptionView{}, err
}

// Resume is a viewer's request to withdraw a cancellation.
type Resume struct {
	User    billing.UserID
	Ref     string
	Request *ports.KeyedRequest
	Respond Respond // optional
}

// Resume withdraws a cancellation before the period ends. It charges nothing.
// Errors:
//
//	ErrNotFound           the viewer has no such subscription
//	ErrInvalidTransition  the subscription has ended or was given, its plan is being ended,
//	                      or its payment method was removed or never saved
//	ErrRequestInProgress  another request with the same key is running
//	ErrRateLimited        a [billing.LimitedError]: the viewer has revoked too many cancels, or has too many keys
func (s *Subscriber) Resume(ctx context.Context, cmd Resume) (ports.SubscriptionView, error) {
	v, err := s.change(ctx, cmd.User, cmd.Ref, keyed{cmd.Request, cmd.Respond},
		func(tx ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, error) {
			m, err := ports.MethodOf(ctx, tx, sub)
			if err != nil {
				return sub, nil, err
			}
			if sub.PlanEnding, err = ports.PlanEnding(ctx, tx, sub); err != nil {
				return sub, nil, err
			}
			resumed, events, err := sub.Resume(m, now)
			if err != nil || len(events) == 0 {
				return resumed, nil, err
			}
			return resumed, events, limitResumes(ctx, tx, cmd.User, now)
		})
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("resume: %w", err)
	}
	return v, nil
}

// limitResumes returns a [billing.LimitedError] if the viewer revoked 20 cancels within
// a day. Each resume allows another cancel, so this bounds the cancels too. A cancel
// itself is never refused, because viewers must be able to stop paying.
func limitResumes(ctx context.Context, tx ports.Repos, user billing.UserID, now time.Time) error {
	limits := billing.Limits{{Max: 20, Per: 24 * time.Hour}}
	window, limit := limits.Window()
	past, err := tx.Events.Times(ctx, user, billing.EventCancelRevoked, now.Add(-window), limit)
	if err != nil {
		return err
	}
	return limits.Allow(past, now, billing.TooManyResumes)
}

type transition func(tx ports.Repos, s billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, error)

// change applies a transition to the locked subscription as of now.
func (s *Subscriber) change(ctx context.Context, user billing.UserID, ref string, k keyed, t transition) (ports.SubscriptionView, error) {
	id, err := ports.InTx(ctx, s.Store, func(tx ports.Repos) (billing.SubscriptionID, error) {
		sub, err := tx.Subscriptions.Named(ctx, user, ref)
		if err != nil {
			return "", err
		}
		if err := claim(ctx, tx, k.request, sub.ID); err != nil {
			return "", err
		}
		now := s.Clock.Now()
		sub, ended := sub.At(now)
		sub, events, err := t(tx, sub, now)
		if err != nil {
			return "", err
		}
		events = append(ended, events...)
		if len(events) == 0 {
			err = unclaim(ctx, tx, k.request)
		} else {
			err = ports.SaveWithEvents(ctx, tx, s.NewID, sub, events)
		}
		if err != nil {
			return "", err
		}
		if chargedDespiteCancel(sub) {
			return sub.ID, nil // Cancel responds after it has waited
		}
		return sub.ID, k.respondTo(ctx, tx, sub)
	})
	if err != nil {
		return ports.SubscriptionView{}, err
	}
	return s.view(ctx, user, string(id))
}

// view returns the subscription as it stands now.
func (s *Subscriber) view(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	return Queries{Store: s.Store, Clock: s.Clock}.Subscription(ctx, user, ref)
}

func checkToken(ctx context.Context, tx ports.Repos, s billing.Subscription, token billing.Secret) error {
	if token.IsZero() {
		return nil
	}
	m, err := ports.MethodOf(ctx, tx, s)
	if err != nil {
		return err
	}
	if !m.Token.Equal(token) {
		return billing.ErrPaymentTokenUnknown.WithMessage("the subscription is not paid with this payment token")
	}
	return nil
}
