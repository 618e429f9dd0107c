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

// userPage shows a user's events, notes, subscriptions, payments and cards. It explains
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
	Note          string               // text of a note that was refused
	NoteError     string               // why it was refused
}

func (s *server) user(w http.ResponseWriter, r *http.Request, v *view) error {
	q := r.URL.Query()
	user, wanted := billing.UserID(q.Get("id")), billing.InstructionID(q.Get("instruction"))
	instructed, err := s.awaitInstruction(r.Context(), v, user, wanted)
	if err != nil {
		return err
	}
	page, err := s.loadUser(r, v, user, billing.PaymentID(q.Get("payment")))
	if err != nil {
		return err
	}
	page.Instructed = instructed
	return s.showUser(w, r, v, http.StatusOK, page)
}

func (s *server) showUser(w http.ResponseWriter, r *http.Request, v *view, status int, page userPage) error {
	return s.renderPage(w, r, v, status, v.T("user.title", v.Short(page.User.ID)), "user", page)
}

// postNote adds a note and shows the page again.
func (s *server) postNote(w http.ResponseWriter, r *http.Request, v *view) error {
	user, text := billing.UserID(r.PostForm.Get("id")), r.PostForm.Get("note")
	_, cause := s.Notes.For(v.op).Add(r.Context(), user, text)
	if cause == nil {
		http.Redirect(w, r, userLink(user, ""), http.StatusSeeOther)
		return nil
	}
	faults := faultsOf(cause)
	if faults == nil {
		return cause
	}
	page, err := s.loadUser(r, v, user, "")
	if err != nil {
		return err
	}
	page.Note, page.NoteError = text, v.faultTexts(faults)["note"]
	return s.showUser(w, r, v, http.StatusUnprocessableEntity, page)
}

func (s *server) loadUser(r *http.Request, v *view, id billing.UserID, chosen billing.PaymentID) (userPage, error) {
	d, err := s.Panel.User(r.Context(), v.op, id, chosen)
	if err != nil {
		return userPage{}, err
	}
	if err := s.readPlans(r.Context(), v); err != nil {
		return userPage{}, err
	}
	page := userPage{
		view: v, User: d.User, Subscriptions: d.Subscriptions, More: d.More, Cards: d.Cards, Chosen: chosen,
		Methods:      slices.DeleteFunc(d.Methods, func(m ports.PanelMethod) bool { return !m.RemovedAt.IsZero() }),
		Instructions: d.Instructions,
	}
	for _, n := range d.Notes {
		page.Timeline = append(page.Timeline, newNoteEntry(n))
	}
	for _, e := range d.History {
		page.Timeline = append(page.Timeline, newTimelineEntry(e, d))
	}
	slices.SortStableFunc(page.Timeline, func(a, b timelineEntry) int { return b.At.Compare(a.At) })
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
	return page, nil
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
	return link("/info/instruct", "kind", kind, "user", string(p.User.ID), "target", textOf(target))
}

// GivePlanLink returns the link to the form that gives the user a plan, or "" if the live
// subscriptions of the user exclude every plan on sale.
func (p userPage) GivePlanLink() string {
	subs := make([]billing.Subscription, len(p.Subscriptions))
	for i, s := range p.Subscriptions {
		subs[i] = s.Subscription
	}
	if !slices.ContainsFunc(p.plans, func(plan billing.Plan) bool { return plan.RefuseGift(subs) == nil }) {
		return ""
	}
	return link("/info/instruct", "kind", string(billing.InstructGivePlan), "user", string(p.User.ID))
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
	return s.Status == billing.StatusPastDue && s.Hold == "" && !s.Charging && !s.EndsWithPeriod()
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
	case s.Status == billing.StatusActive && s.EndsWithPeriod():
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
