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
	NextChargeAt      time.Time // when it is charged next, if it is; zero when never
	Charging          bool      // a payment is pending: no other is made before that is settled
	CancelAtPeriodEnd bool
	PastDueSince      time.Time // what retries are counted from; zero unless past due
	GraceUntil        time.Time // until when access goes on unpaid; zero unless past due
	LatestPaymentID   PaymentID
	CreatedAt         time.Time
	StartedAt         time.Time // zero until the first payment succeeded
	EndedAt           time.Time // zero while it lives
}

// Status is where a subscription stands.
type Status string

// The statuses of a subscription. All but ended are live.
const (
	StatusIncomplete Status = "incomplete" // the first payment is not settled
	StatusActive     Status = "active"
	StatusPastDue    Status = "past_due" // a renewal was declined and is tried again
	StatusEnded      Status = "ended"
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
		return Subscription{}, Payment{}, ErrPlanNotFound.WithMessage("plan %s is no longer sold", o.Plan.Code)
	}
	if o.Shown != o.Plan.Price {
		return Subscription{}, Payment{}, &PriceChangedError{Plan: o.Plan.Code, Shown: o.Shown, Current: o.Plan.Price}
	}
	s := Subscription{
		ID: o.Subscription, UserID: o.Method.UserID,
		PlanID: o.Plan.ID, PlanCode: o.Plan.Code,
		MethodID: o.Method.ID, PaymentSystem: o.Method.PaymentSystem,
		Price: o.Plan.Price, IntervalMonths: o.Plan.IntervalMonths,
		Status: StatusIncomplete, Charging: true,
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

// Bill makes the intent of the payment that is due at now, for the price that
// the viewer agreed to, and reports whether one is: the renewal of an active
// subscription, or another try for one that is past due. The payment is for the
// period that now lies in. Whole periods that went by unbilled, because we did
// not come round to it, are waived: the viewer does not pay for our delay, and
// the anchor stays.
//
// A subscription that is over is ended instead, and so is one whose payment
// method was removed, or that the payment system did not save.
func (s Subscription) Bill(id PaymentID, m PaymentMethod, cal Calendar, now time.Time) (Subscription, Payment, []Event, bool) {
	s, events := s.At(now)
	if !s.due(now) {
		return s, Payment{}, events, false
	}
	if m.gone() {
		s = s.over(now)
		ended := s.event(EventEnded, now)
		ended.DeclineCode = MethodRemoved
		return s, Payment{}, append(events, ended), false
	}
	period := cal.Next(s.AnchorAt, s.IntervalMonths, s.Current.End, now)
	s.Charging, s.LatestPaymentID, s.NextChargeAt = true, id, period.End
	return s, s.intent(id, MerchantInitiated, period, now), events, true
}

// due reports whether there is something to charge at now.
func (s Subscription) due(now time.Time) bool {
	waits := s.Status == StatusActive || s.Status == StatusPastDue
	return waits && !s.Charging && !now.Before(s.NextChargeAt)
}

// MayResend reports whether a payment that the payment system has never seen
// may be sent to it later. A viewer's own request may not: the viewer was told
// that it failed and has gone away, or tries again. Nor may a renewal that the
// viewer has cancelled, whose method was removed, or whose period is over.
func (s Subscription) MayResend(p Payment, m PaymentMethod, now time.Time) bool {
	return p.Initiator == MerchantInitiated && !p.Settled() && !s.CancelAtPeriodEnd &&
		!m.gone() && now.Before(p.Period.End)
}

// Settle applies what the payment system says about p to p and to its
// subscription. Saying the same twice changes nothing the second time, and
// events are returned only for what changed.
//
// A first payment that is not made ends the subscription. A renewal that is
// declined is tried again as the schedule says, unless the payment system
// advises against it; after the last try the subscription ends. One that was
// never sent is due again at once.
func (s Subscription) Settle(p Payment, o Outcome, r RetrySchedule, now time.Time) (Subscription, Payment, []Event) {
	before := p
	p, settled := p.take(o, now)
	if p.Contradiction != before.Contradiction && p.Contradiction != "" {
		return s, p, []Event{s.paymentEvent(EventPaymentContradicted, p, now)}
	}
	if !settled {
		return s, p, nil
	}
	s.Charging = false
	if p.Status == PaymentSucceeded {
		s, happened := s.paid(p, now)
		return s, p, happened
	}
	kind := EventPaymentDeclined
	if p.Status == PaymentAbandoned {
		kind = EventPaymentAbandoned
	}
	if s.Status == StatusIncomplete {
		s = s.over(now)
		return s, p, []Event{s.paymentEvent(kind, p, now)}
	}
	s, happened := s.unpaid(kind, p, o, r, now)
	return s, p, happened
}

func (s Subscription) paid(p Payment, now time.Time) (Subscription, []Event) {
	kind, waived := EventRenewed, p.Period.Start.After(s.Current.End)
	if s.Status == StatusIncomplete {
		kind, s.StartedAt = EventSubscribed, p.Period.Start
	}
	s.Status, s.Current, s.NextChargeAt = StatusActive, p.Period, p.Period.End
	s.PastDueSince, s.GraceUntil = time.Time{}, time.Time{}
	happened := []Event{s.paymentEvent(kind, p, now)}
	if waived {
		happened = append(happened, s.event(EventPeriodsWaived, now))
	}
	return s, happened
}

// unpaid is what becomes of a renewal that was not made.
func (s Subscription) unpaid(kind EventType, p Payment, o Outcome, r RetrySchedule, now time.Time) (Subscription, []Event) {
	at, from, again := s.retryAt(p, o, r, now)
	switch {
	case s.CancelAtPeriodEnd: // what was paid for is over
	case p.DeclineCode == NotSent:
		s.NextChargeAt = now
		if s.Status == StatusActive {
			s.NextChargeAt = s.Current.End
		}
		return s, []Event{s.paymentEvent(kind, p, now)}
	case again:
		s.Status, s.NextChargeAt = StatusPastDue, at
		s.PastDueSince, s.GraceUntil = from, latest(r.last(from), at)
		happened := s.paymentEvent(kind, p, now)
		happened.RetryAt = at
		return s, []Event{happened}
	}
	s = s.over(now)
	return s, []Event{s.paymentEvent(kind, p, now), s.paymentEvent(EventEnded, p, now)}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
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
// charged again either way. One that is past due, or whose period is over, ends
// at once. Cancelling again changes nothing. What has ended cannot be cancelled,
// and what is being paid for at this moment cannot be cancelled at once: both
// are [ErrInvalidTransition].
func (s Subscription) Cancel(at CancelAt, now time.Time) (Subscription, []Event, error) {
	switch {
	case s.Status == StatusEnded:
		return s, nil, ErrInvalidTransition.WithMessage("the subscription has ended; there is nothing to cancel")
	case at == AtOnce && s.Charging:
		return s, nil, ErrInvalidTransition.WithMessage(
			"a payment is being settled at this moment; cancel at the period's end, or try again in a minute")
	case at == AtOnce, !s.Charging && !now.Before(s.Current.End):
		requested := s.event(EventCancelRequested, now)
		requested.AccessUntil = time.Time{}
		s = s.over(now)
		return s, []Event{requested, s.event(EventEnded, now)}, nil
	case s.CancelAtPeriodEnd:
		return s, nil, nil
	default:
		s.CancelAtPeriodEnd = true
		return s, []Event{s.event(EventCancelRequested, now)}, nil
	}
}

// Resume takes a cancel back and charges nothing. Resuming what is not
// cancelled changes nothing; what has ended cannot be resumed:
// [ErrInvalidTransition].
func (s Subscription) Resume(now time.Time) (Subscription, []Event, error) {
	if today, _ := s.At(now); !today.Live() {
		return s, nil, ErrInvalidTransition.WithMessage("the subscription has ended; subscribe again instead")
	}
	if !s.CancelAtPeriodEnd {
		return s, nil, nil
	}
	s.CancelAtPeriodEnd = false
	return s, []Event{s.event(EventCancelRevoked, now)}, nil
}

// At returns the subscription as it stands at now: one that was cancelled and
// whose period is over has ended at the period's end, whether or not anybody
// has come round to writing that down. The event says so. While a payment for
// the next period is pending it lives on: the cancel came after that was asked.
func (s Subscription) At(now time.Time) (Subscription, []Event) {
	if s.Status == StatusEnded || s.Charging || !s.CancelAtPeriodEnd || now.Before(s.Current.End) {
		return s, nil
	}
	s = s.over(s.Current.End)
	return s, []Event{s.event(EventEnded, s.EndedAt)}
}

func (s Subscription) over(at time.Time) Subscription {
	s.Status, s.EndedAt, s.NextChargeAt = StatusEnded, at, time.Time{}
	s.PastDueSince, s.GraceUntil = time.Time{}, time.Time{}
	return s
}

// Live reports whether the subscription has not ended.
func (s Subscription) Live() bool { return s.Status != StatusEnded }

// AccessUntil returns until when the viewer may use the plan if nothing more is
// paid, or the zero time when the viewer may not use it at now. A subscription
// that renews keeps its access until the renewal has been tried, and while it is
// tried again: then it is now, if nothing later is sure.
func (s Subscription) AccessUntil(now time.Time) time.Time {
	s, _ = s.At(now)
	if s.Status == StatusActive || s.Status == StatusPastDue {
		return latest(latest(s.Current.End, s.GraceUntil), now)
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
	case s.Status == StatusIncomplete:
		return ErrAlreadySubscribed.WithMessage(
			"a subscription to plan %s is waiting for its first payment; ask for it again in a moment", s.PlanCode)
	case s.CancelAtPeriodEnd && s.Charging:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s is cancelled, and a payment for it is being settled; ask for it again in a moment", s.PlanCode)
	case s.CancelAtPeriodEnd:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s is cancelled but runs until %s; take the cancel back with POST /v1/subscriptions/%s/resume",
			s.PlanCode, s.Current.End.Format(time.RFC3339), s.PlanCode)
	case s.Status == StatusPastDue:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s is past due and is tried again; to pay with something else, cancel it and subscribe anew", s.PlanCode)
	default:
		return ErrAlreadySubscribed.WithMessage("there is a live subscription to plan %s already", s.PlanCode)
	}
}
