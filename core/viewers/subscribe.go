package viewers

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/internal/crash"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Subscriber makes and ends subscriptions at the viewer's wish.
type Subscriber struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Calendar  billing.Calendar
	Collector *payments.Collector
	Limits    billing.CardLimits
	// Opening is where orders wait whose intents are stored together.
	Opening *Opening
}

// Subscribe is a viewer's wish to subscribe.
type Subscribe struct {
	User          billing.UserID
	Plan          string        // its code or id
	Price         billing.Money // that the viewer saw
	PaymentSystem string        // its code
	Token         billing.Secret
	Card          billing.CardID      // a kept card, instead of a token,
	CVV           billing.CVV         // with the code that the viewer typed in; it is wiped
	Request       *ports.KeyedRequest // nil when the request has no Idempotency-Key
}

// Subscribe charges the viewer for the first period, once, and returns the
// subscription: active, or incomplete while the payment is not settled.
//
//	ErrPlanNotFound, ErrPaymentSystemNotFound, ErrInvalid, ErrAlreadySubscribed
//	*PriceChangedError      nothing happened
//	*DeclinedError          the payment system said no
//	ErrPaymentTokenUnknown  the payment system does not know the token
//	ErrCardNotFound         the viewer has no such card
//	ErrRateLimited          a [billing.LimitedError]: too many payments with a card were declined
//	ErrRequestInProgress    a request with the same key was quicker
//	ErrUnavailable          nothing was charged, or it is being settled
func (s *Subscriber) Subscribe(ctx context.Context, cmd Subscribe) (ports.SubscriptionView, error) {
	defer cmd.CVV.Wipe()
	o, err := s.open(ctx, cmd)
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("subscribe: %w", noteLimit(ctx, s.Store, s.Clock, s.NewID, cmd.User, err))
	}
	crash.Point("subscribe.intent")
	sending, done := context.WithDeadline(context.WithoutCancel(ctx), o.until)
	defer done()
	r, err := s.collect(sending, o, cmd)
	if err != nil {
		return ports.SubscriptionView{}, settlingError{err}
	}
	return ports.SubscriptionView{Subscription: *r.Subscription, Latest: *r.Payment, Features: o.plan.Features}, failure(r)
}

// errSettling is what a viewer is told whose payment was sent, but not recorded.
var errSettling = billing.ErrUnavailable.WithMessage("the payment is being settled; look at the subscription in a moment")

// Settling reports whether err says that a payment may have been taken and is
// being settled, as against nothing having been charged.
func Settling(err error) bool {
	var s settlingError
	return errors.As(err, &s)
}

// settlingError wraps why an outcome was not recorded.
type settlingError struct{ cause error }

func (e settlingError) Error() string { return errSettling.Error() + ": " + e.cause.Error() }

// Unwrap returns what the viewer is told, and the cause.
func (e settlingError) Unwrap() []error { return []error{errSettling, e.cause} }

func (s *Subscriber) collect(ctx context.Context, o opened, cmd Subscribe) (payments.Result, error) {
	if cmd.Card == "" {
		return s.Collector.Collect(ctx, o.intent, cmd.Token)
	}
	return s.Collector.CollectCard(ctx, o.intent, o.card, cmd.CVV)
}

// failure returns what the viewer is told when the first payment was not taken and
// will not be.
func failure(r payments.Result) error {
	switch r.Payment.Status {
	case billing.PaymentDeclined:
		return &billing.DeclinedError{Payment: r.Payment.ID, Code: r.Payment.DeclineCode}
	case billing.PaymentAbandoned:
		return abandoned(r.Payment)
	default:
		return nil
	}
}

func abandoned(p *billing.Payment) error {
	switch p.DeclineCode {
	case billing.TokenUnknown:
		return billing.ErrPaymentTokenUnknown
	case billing.Refused:
		return errors.Join(billing.ErrUnavailable.WithMessage(
			"payment system %s cannot take this payment at the moment; nothing was charged", p.PaymentSystem), ports.ErrRefused)
	default:
		return billing.ErrUnavailable.WithMessage("payment system %s is out of reach; nothing was charged", p.PaymentSystem)
	}
}
