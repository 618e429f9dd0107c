package billing

import "time"

// SubscriptionID names a subscription.
type SubscriptionID string

// Subscription is a viewer's agreement to pay for a plan, period after period.
// It keeps the price and the length of a period that the viewer agreed to,
// whatever becomes of the plan.
type Subscription struct {
	ID             SubscriptionID
	UserID         UserID
	PlanID         PlanID
	PlanCode       string // the plan's code today; kept by the plan, read with the subscription
	MethodID       PaymentMethodID
	PaymentSystem  string
	Price          Money
	IntervalMonths int

	Status            Status
	AnchorAt          time.Time // the instant that all periods are counted from
	Current           Period    // paid for; while incomplete, what the first payment is for
	NextChargeAt      time.Time // when there is something to do next; zero when never
	CancelAtPeriodEnd bool
	LatestPaymentID   PaymentID
	CreatedAt         time.Time
	StartedAt         time.Time // zero until the first payment succeeded
	EndedAt           time.Time // zero while it lives
}

// Status is where a subscription stands.
type Status string

// The statuses of a subscription. All but ended are live.
const (
	Incomplete Status = "incomplete" // the first payment is not settled
	Active     Status = "active"
	PastDue    Status = "past_due" // a renewal was declined and is tried again
	HasEnded   Status = "ended"
)

// Order is what a viewer asks for when subscribing, with the ids that the new
// things get.
type Order struct {
	Subscription SubscriptionID
	Payment      PaymentID
	Plan         Plan
	Method       PaymentMethod
	Shown        Money // the price that the viewer saw and agreed to
}

// Start makes the subscription and the intent of its first payment. The viewer
// pays exactly the price that was shown, or nothing: when the plan costs
// anything else at this moment, the error is a [PriceChangedError]. A plan that
// is no longer sold is [ErrPlanNotFound].
func (o Order) Start(now time.Time, cal Calendar) (Subscription, Payment, error) {
	if !o.Plan.ArchivedAt.IsZero() {
		return Subscription{}, Payment{}, ErrPlanNotFound.Because("plan %s is no longer sold", o.Plan.Code)
	}
	if o.Shown != o.Plan.Price {
		return Subscription{}, Payment{}, &PriceChangedError{Plan: o.Plan.Code, Shown: o.Shown, Current: o.Plan.Price}
	}
	s := Subscription{
		ID: o.Subscription, UserID: o.Method.UserID,
		PlanID: o.Plan.ID, PlanCode: o.Plan.Code,
		MethodID: o.Method.ID, PaymentSystem: o.Method.PaymentSystem,
		Price: o.Plan.Price, IntervalMonths: o.Plan.IntervalMonths,
		Status:   Incomplete,
		AnchorAt: now, Current: cal.Period(now, 0, o.Plan.IntervalMonths),
		LatestPaymentID: o.Payment, CreatedAt: now,
	}
	return s, s.intent(o.Payment, CustomerInitiated, s.Current, now), nil
}

func (s Subscription) intent(id PaymentID, by Initiator, period Period, now time.Time) Payment {
	return Payment{
		ID: id, UserID: s.UserID, SubscriptionID: s.ID,
		MethodID: s.MethodID, PaymentSystem: s.PaymentSystem,
		Initiator: by, Amount: s.Price, Period: period,
		Status: PaymentPending, CreatedAt: now,
	}
}

// Settle applies what the payment system says about p to p and to its
// subscription. Saying the same twice changes nothing the second time, and
// events are returned only for what changed.
func (s Subscription) Settle(p Payment, o Outcome, now time.Time) (Subscription, Payment, []Event) {
	before := p
	p, settled := p.take(o, now)
	if p.Contradiction != before.Contradiction && p.Contradiction != "" {
		return s, p, []Event{s.paymentEvent(PaymentContradicted, p, now)}
	}
	if !settled {
		return s, p, nil
	}
	switch p.Status {
	case PaymentSucceeded:
		s.Status, s.StartedAt = Active, p.Period.Start
		s.Current, s.NextChargeAt = p.Period, p.Period.End
		return s, p, []Event{s.paymentEvent(Subscribed, p, now)}
	case PaymentDeclined:
		s = s.over(now)
		return s, p, []Event{s.paymentEvent(PaymentWasDeclined, p, now)}
	default:
		s = s.over(now)
		return s, p, []Event{s.paymentEvent(PaymentWasAbandoned, p, now)}
	}
}

// CancelAt is when a cancel takes effect.
type CancelAt string

// A cancel at the period's end lets the viewer watch what is paid for; a cancel
// now ends access at once.
const (
	AtPeriodEnd CancelAt = "period_end"
	AtOnce      CancelAt = "now"
)

// Cancel ends the subscription at the end of its period, or at once; it is not
// charged again either way. Cancelling again changes nothing. What has ended
// cannot be cancelled, and what is being paid for at this moment cannot be
// cancelled at once: both are [ErrInvalidTransition].
func (s Subscription) Cancel(at CancelAt, now time.Time) (Subscription, []Event, error) {
	switch {
	case s.Status == HasEnded:
		return s, nil, ErrInvalidTransition.Because("the subscription has ended; there is nothing to cancel")
	case at == AtOnce && s.Status == Incomplete:
		return s, nil, ErrInvalidTransition.Because(
			"the first payment is still being settled; cancel at the period's end, or try again in a minute")
	case at == AtOnce:
		requested := s.event(CancelRequested, now)
		requested.AccessUntil = time.Time{}
		s = s.over(now)
		return s, []Event{requested, s.event(Ended, now)}, nil
	case s.CancelAtPeriodEnd:
		return s, nil, nil
	default:
		s.CancelAtPeriodEnd = true
		return s, []Event{s.event(CancelRequested, now)}, nil
	}
}

// Resume takes a cancel back and charges nothing. Resuming what is not
// cancelled changes nothing; what has ended cannot be resumed:
// [ErrInvalidTransition].
func (s Subscription) Resume(now time.Time) (Subscription, []Event, error) {
	if s.Status == HasEnded {
		return s, nil, ErrInvalidTransition.Because("the subscription has ended; subscribe again instead")
	}
	if !s.CancelAtPeriodEnd {
		return s, nil, nil
	}
	s.CancelAtPeriodEnd = false
	return s, []Event{s.event(CancelRevoked, now)}, nil
}

// At returns the subscription as it stands at now: one that was cancelled and
// whose period is over has ended at the period's end, whether or not anybody
// has come round to writing that down. The event says so.
func (s Subscription) At(now time.Time) (Subscription, []Event) {
	if s.Status == HasEnded || s.Status == Incomplete || !s.CancelAtPeriodEnd || now.Before(s.Current.End) {
		return s, nil
	}
	s = s.over(s.Current.End)
	return s, []Event{s.event(Ended, s.EndedAt)}
}

func (s Subscription) over(at time.Time) Subscription {
	s.Status, s.EndedAt, s.NextChargeAt = HasEnded, at, time.Time{}
	return s
}

// Live reports whether the subscription has not ended.
func (s Subscription) Live() bool { return s.Status != HasEnded }

// AccessUntil returns until when the viewer may use the plan if nothing more is
// paid, or the zero time when the viewer may not use it at now. A subscription
// that renews keeps its access until the renewal has been tried.
func (s Subscription) AccessUntil(now time.Time) time.Time {
	s, _ = s.At(now)
	if s.Status == Active || s.Status == PastDue {
		return s.Current.End
	}
	return time.Time{}
}

// RefuseAnother returns why the viewer cannot subscribe to the same plan again
// while this subscription lives ([ErrAlreadySubscribed], with what to do
// instead), or nil when it has ended.
func (s Subscription) RefuseAnother() error {
	switch {
	case !s.Live():
		return nil
	case s.Status == Incomplete:
		return ErrAlreadySubscribed.Because(
			"a subscription to plan %s is waiting for its first payment; ask for it again in a moment", s.PlanCode)
	case s.CancelAtPeriodEnd:
		return ErrAlreadySubscribed.Because(
			"the subscription to plan %s is cancelled but runs until %s; take the cancel back with POST /v1/subscriptions/%s/resume",
			s.PlanCode, s.Current.End.Format(time.RFC3339), s.PlanCode)
	default:
		return ErrAlreadySubscribed.Because("there is a live subscription to plan %s already", s.PlanCode)
	}
}
