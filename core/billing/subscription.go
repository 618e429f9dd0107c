package billing

import "time"

// SubscriptionID identifies a subscription.
type SubscriptionID string

// Subscription is a viewer's agreement to pay for a plan, period after period.
// It keeps the price and the interval that the viewer agreed to, even if the plan
// changes.
type Subscription struct {
	ID             SubscriptionID
	UserID         UserID
	PlanID         PlanID
	PlanCode       string          // the plan's current code; stored with the plan
	PlanGroup      string          // the plan's current group
	PlanEnding     bool            // the plan is being ended: no renewal follows
	MethodID       PaymentMethodID // empty if the subscription is [Subscription.Given]
	PaymentSystem  string
	Price          Money
	IntervalMonths int
	ConsentMAC     ConsentMAC // of the fields above; set when they are, never changed alone

	Status            Status
	AnchorAt          time.Time   // all periods are counted from here
	Current           Period      // the paid period; while incomplete, the period of the first payment
	NextChargeAt      time.Time   // zero if no charge will follow
	Hold              DeclineCode // why no charge follows before the viewer acts; empty unless on hold
	Charging          bool        // a payment is pending, so no other one can be made
	CancelAtPeriodEnd bool
	PastDueSince      time.Time // start of the retry schedule; zero unless past due
	GraceUntil        time.Time // end of unpaid access; zero unless past due
	LatestPaymentID   PaymentID // empty if the subscription is [Subscription.Given]
	CreatedAt         time.Time
	StartedAt         time.Time // zero until the first payment has succeeded
	EndedAt           time.Time // zero while the subscription is live
}

// Status is the status of a subscription.
type Status string

// The statuses of a subscription. All but ended are live.
const (
	StatusIncomplete Status = "incomplete" // the first payment is pending
	StatusActive     Status = "active"
	StatusPastDue    Status = "past_due" // a renewal was declined; it will be retried, or is on hold
	StatusEnded      Status = "ended"
)

// Order is a viewer's request to subscribe, with the ids for the new
// subscription and its first payment.
type Order struct {
	Subscription SubscriptionID
	Payment      PaymentID
	Plan         Plan
	Method       PaymentMethod
	Shown        Money  // the price that the viewer saw and agreed to
	ShownMonths  int    // the interval that the viewer saw; 0 if the request does not name it
	TermsVersion string // of the terms of use that the viewer saw; empty if the request does not name it
}

// Start returns the new subscription and its first payment, which is pending, with the
// event of the viewer's agreement. Errors:
//
//	ErrPlanNotFound       the plan is no longer sold
//	ErrInvalid            the version of the terms is too long, or must not be kept
//	*PriceChangedError    the price or the interval of the plan is not exactly the shown one
func (o Order) Start(now time.Time, cal Calendar) (Subscription, Payment, []Event, error) {
	if !o.Plan.ArchivedAt.IsZero() {
		return Subscription{}, Payment{}, nil, ErrPlanNotFound.WithMessage("plan %s is no longer sold", o.Plan.Code)
	}
	if err := checkTermsVersion(o.TermsVersion); err != nil {
		return Subscription{}, Payment{}, nil, err
	}
	if err := checkShown(o.Plan.Code, o.Plan.Price, o.Shown, o.Plan.IntervalMonths, o.ShownMonths); err != nil {
		return Subscription{}, Payment{}, nil, err
	}
	s := Subscription{
		ID: o.Subscription, UserID: o.Method.UserID,
		PlanID: o.Plan.ID, PlanCode: o.Plan.Code, PlanGroup: o.Plan.Group,
		MethodID: o.Method.ID, PaymentSystem: o.Method.PaymentSystem,
		Price: o.Plan.Price, IntervalMonths: o.Plan.IntervalMonths,
		Status: StatusIncomplete, Charging: true,
		AnchorAt: now, Current: cal.Period(now, 0, o.Plan.IntervalMonths),
		LatestPaymentID: o.Payment, CreatedAt: now,
	}
	p := s.intent(o.Payment, CustomerInitiated, s.Current, now)
	return s, p, []Event{s.agreed(p, o.TermsVersion)}, nil
}

// checkShown returns a [PriceChangedError] unless the viewer saw the price and the
// interval that are charged. A request need not name the interval.
func checkShown(plan string, price, shown Money, months, shownMonths int) *PriceChangedError {
	if shown == price && (shownMonths == 0 || shownMonths == months) {
		return nil
	}
	return &PriceChangedError{Plan: plan, Shown: shown, Current: price, ShownMonths: shownMonths, CurrentMonths: months}
}

// intent returns a pending payment for the period, at the price that the viewer
// agreed to.
func (s Subscription) intent(id PaymentID, by Initiator, period Period, now time.Time) Payment {
	return Payment{
		ID: id, UserID: s.UserID, SubscriptionID: s.ID,
		MethodID: s.MethodID, PaymentSystem: s.PaymentSystem,
		Initiator: by, Amount: s.Price, Period: period,
		Status: PaymentPending, CreatedAt: now,
	}
}

// Live reports whether the subscription has not ended.
func (s Subscription) Live() bool { return s.Status != StatusEnded }

// RenewalPending reports whether a renewal or a retry is pending.
func (s Subscription) RenewalPending() bool { return s.Charging && s.Status != StatusIncomplete }

// EndsWithPeriod reports whether a live subscription ends with its period, because it is
// cancelled or its plan is being ended.
func (s Subscription) EndsWithPeriod() bool { return s.CancelAtPeriodEnd || s.PlanEnding }

// NextCharge returns when the subscription is charged next, or the zero time if no charge
// follows.
func (s Subscription) NextCharge() time.Time {
	if s.EndsWithPeriod() {
		return time.Time{}
	}
	return s.NextChargeAt
}

// At returns the subscription as it stands at now. A cancelled subscription ends
// at the end of its period, and one on hold at the end of its grace, even if it is
// still stored as live. At returns it as ended, with the event. While a payment is
// pending it stays live, because that payment may renew it.
func (s Subscription) At(now time.Time) (Subscription, []Event) {
	end, ends := s.endsAt()
	if !ends || s.Charging || now.Before(end) {
		return s, nil
	}
	reason := s.Hold
	s = s.ended(end)
	e := s.event(EventEnded, end)
	e.DeclineCode = reason
	return s, []Event{e}
}

// AsOf returns the subscriptions as they stand at now, and those of them that are over, with
// the events of those that are stored as live: see [Subscription.At].
func AsOf(now time.Time, stored []Subscription) (today, over []Subscription, ended []Event) {
	for _, s := range stored {
		s, events := s.At(now)
		if today, ended = append(today, s), append(ended, events...); !s.Live() {
			over = append(over, s)
		}
	}
	return today, over, ended
}

// endsAt returns when the subscription ends if nothing is paid and the viewer does
// not act. It returns false if it has ended, or if a charge will follow.
func (s Subscription) endsAt() (time.Time, bool) {
	switch {
	case s.Status == StatusEnded:
		return time.Time{}, false
	case s.CancelAtPeriodEnd:
		return s.Current.End, true
	default:
		return s.GraceUntil, s.Hold != ""
	}
}

func (s Subscription) ended(at time.Time) Subscription {
	s.Status, s.EndedAt = StatusEnded, at
	s.NextChargeAt, s.PastDueSince, s.GraceUntil, s.Hold = time.Time{}, time.Time{}, time.Time{}, ""
	return s
}

// AccessUntil returns the moment at which the viewer's access ends if nothing more is
// paid and the renewal is not declined, or the zero time if the viewer has no access at
// now. Only a declined renewal or a cancel moves it to an earlier time.
//
// A cancelled subscription gives access until its period ends, and one that is past due
// until its grace ends. A subscription that renews gives it for another renewalGrace, in
// which the renewal is tried.
func (s Subscription) AccessUntil(now time.Time, renewalGrace time.Duration) time.Time {
	s, _ = s.At(now)
	end := s.lastAccess(renewalGrace)
	if !now.Before(end) {
		return time.Time{}
	}
	return end
}

// AccessWithin reports whether the subscription gave access at any moment of a past period,
// whether the time was paid, given or a grace. Only its present dates count: access that a
// late renewal interrupted counts as access.
func (s Subscription) AccessWithin(p Period, renewalGrace time.Duration) bool {
	end := s.EndedAt
	if s.Live() {
		end = s.lastAccess(renewalGrace)
	}
	return !s.StartedAt.IsZero() && s.StartedAt.Before(p.End) && end.After(p.Start)
}

// lastAccess is accessEnd with the time in which a renewal is tried.
func (s Subscription) lastAccess(renewalGrace time.Duration) time.Time {
	end := s.accessEnd()
	if s.Status == StatusActive && !s.EndsWithPeriod() {
		end = end.Add(renewalGrace)
	}
	return end
}

// accessEnd returns when the access ends without any renewal. It is zero if there is no
// access at all.
func (s Subscription) accessEnd() time.Time {
	switch {
	case s.Status == StatusPastDue && !s.CancelAtPeriodEnd:
		return s.GraceUntil
	case s.Status == StatusActive || s.Status == StatusPastDue:
		return s.Current.End
	default:
		return time.Time{}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// RefuseAnother returns [ErrAlreadySubscribed] while the subscription is live,
// because a viewer can have only one live subscription to a plan. The message
// names the next step. It returns nil if the subscription has ended.
func (s Subscription) RefuseAnother() error {
	switch {
	case !s.Live():
		return nil
	case s.Given():
		return ErrAlreadySubscribed.WithMessage("%s", s.givenAdvice())
	case s.Status == StatusIncomplete:
		return ErrAlreadySubscribed.WithMessage(
			"a subscription to plan %s is waiting for its first payment; if it has a next_action, open its page, else check it again in a moment", s.PlanCode)
	case s.CancelAtPeriodEnd && s.Charging:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s is cancelled, and a payment for it is being settled; check it again in a moment", s.PlanCode)
	case s.PlanEnding:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s runs until %s, and the plan is not sold any more", s.PlanCode, s.Current.End.Format(time.RFC3339))
	case s.CancelAtPeriodEnd:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s is cancelled but runs until %s; take the cancel back with POST /v1/subscriptions/%s/resume, or subscribe again then",
			s.PlanCode, s.Current.End.Format(time.RFC3339), s.PlanCode)
	case s.Status == StatusPastDue:
		return ErrAlreadySubscribed.WithMessage(
			"the subscription to plan %s is past due; pay for it with POST /v1/subscriptions/%s/pay, or give it another payment method with PUT /v1/subscriptions/%s/payment-method",
			s.PlanCode, s.PlanCode, s.PlanCode)
	default:
		return ErrAlreadySubscribed.WithMessage("there is a live subscription to plan %s already", s.PlanCode)
	}
}
