package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// userPage shows a user's events, subscriptions, payments and cards. It explains
// the reason for each charge.
type userPage struct {
	*view
	User          billing.User
	Subscriptions []ports.SubscriptionView
	Timeline      []timelineEntry
	Payments      []viewers.Payment
	Cards         []ports.PanelCard
	Paid          []billing.Money   // total of the payments that succeeded, less their refunds, by currency
	More          bool              // older records exist but are not shown
	Chosen        billing.PaymentID // payment that the link names, or empty
	Methods       []ports.PanelMethod
	Instructions  []billing.Instruction
	Instructed    *billing.Instruction // that the link names; nil if none
}

func (s *server) user(w http.ResponseWriter, r *http.Request, v *view) error {
	q := r.URL.Query()
	chosen, user := billing.PaymentID(q.Get("payment")), billing.UserID(q.Get("id"))
	instructed, err := s.awaitInstruction(r.Context(), v, user, billing.InstructionID(q.Get("instruction")))
	if err != nil {
		return err
	}
	d, err := s.Panel.User(r.Context(), v.op, user, chosen)
	if err != nil {
		return err
	}
	page := userPage{
		view: v, User: d.User, Subscriptions: d.Subscriptions, More: d.More, Cards: d.Cards, Chosen: chosen,
		Methods:      slices.DeleteFunc(d.Methods, func(m ports.PanelMethod) bool { return !m.RemovedAt.IsZero() }),
		Instructions: d.Instructions, Instructed: instructed,
	}
	for _, e := range d.History {
		page.Timeline = append(page.Timeline, newTimelineEntry(e, d))
	}
	paid := map[billing.Currency]int64{}
	for _, p := range d.Payments {
		page.Payments = append(page.Payments, p)
		if p.Charged() {
			paid[p.Amount.Currency] += p.Amount.Amount
		}
		for _, r := range p.Refunds {
			if r.Status == billing.PaymentSucceeded {
				paid[r.Amount.Currency] -= r.Amount.Amount
			}
		}
	}
	slices.SortFunc(page.Payments, func(a, b viewers.Payment) int { return strings.Compare(string(b.ID), string(a.ID)) })
	for currency, amount := range paid {
		page.Paid = append(page.Paid, billing.Money{Amount: amount, Currency: currency})
	}
	slices.SortFunc(page.Paid, func(a, b billing.Money) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	return s.renderPage(w, r, v, http.StatusOK, v.T("user.title", v.Short(d.ID)), "user", page)
}

// awaitEvery is the interval at which a page reads an instruction that it waits for.
const awaitEvery = 100 * time.Millisecond

// awaitInstruction returns an instruction. If it is open, it waits for its execution, but at
// most for the configured time. Without an id it returns nil.
func (s *server) awaitInstruction(ctx context.Context, v *view, user billing.UserID, id billing.InstructionID) (*billing.Instruction, error) {
	if id == "" {
		return nil, nil
	}
	if !billing.IsID(string(user)) || !billing.IsID(string(id)) {
		return nil, errNoPage
	}
	wait, cancel := context.WithTimeout(ctx, s.Await)
	defer cancel()
	for {
		i, err := s.Instructions.Instruction(ctx, v.op, user, id)
		if err != nil || i.State != billing.InstructionOpen || wait.Err() != nil {
			return &i, err
		}
		select {
		case <-time.After(awaitEvery):
		case <-wait.Done():
		}
	}
}

// InstructLink returns the link to the form of an instruction about the user.
func (p userPage) InstructLink(kind string, target any) string {
	return link("/info/instruct", "kind", kind, "user", string(p.User.ID), "target", idString(target))
}

// StateKind returns the badge of the state of an instruction.
func (userPage) StateKind(state billing.InstructionState) string {
	switch state {
	case billing.InstructionDone:
		return "ok"
	case billing.InstructionRefused:
		return "bad"
	case billing.InstructionRejected:
		return "off"
	case billing.InstructionWaiting:
		return "warn"
	default:
		return "info"
	}
}

// MayRetry reports whether a subscription can be charged again by an operator.
func (userPage) MayRetry(s billing.Subscription) bool {
	return s.Status == billing.StatusPastDue && s.Hold == "" && !s.Charging && !s.CancelAtPeriodEnd
}

// Help returns sentences about the way out of a hold, or "" if the viewer need not act.
func (p userPage) Help(s billing.Subscription) string {
	if s.Charging || s.NextAction() == billing.NoAction {
		return ""
	}
	return p.T("hold."+string(s.NextAction())) + " " + p.T("hold.until", p.dateTime(s.GraceUntil))
}

// StatusKind returns the badge of a subscription's status.
func (userPage) StatusKind(s billing.Subscription) string { return subscriptionKind(s) }

func subscriptionKind(s billing.Subscription) string {
	switch {
	case s.Status == billing.StatusActive && s.CancelAtPeriodEnd:
		return "warn"
	case s.Status == billing.StatusActive:
		return "ok"
	case s.Status == billing.StatusPastDue:
		return "bad"
	case s.Status == billing.StatusIncomplete:
		return "info"
	default:
		return "off"
	}
}

// PaymentKind is [paymentKind] for templates.
func (userPage) PaymentKind(status billing.PaymentStatus) string { return paymentKind(status) }

// paymentKind returns the badge of the status of a payment or a refund.
func paymentKind(status billing.PaymentStatus) string {
	switch status {
	case billing.PaymentSucceeded:
		return "ok"
	case billing.PaymentDeclined:
		return "bad"
	case billing.PaymentPending:
		return "info"
	default:
		return "warn"
	}
}
