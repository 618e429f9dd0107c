package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func (t *tool) user() *cobra.Command {
	show := t.withJSON(&cobra.Command{
		Use: "show SUBJECT|ID", Short: "Show a user with subscriptions, payment methods, payments, history and notes",
		Long:    "Show a user with the newest subscriptions, payment methods, payments, events and notes. The argument is the subject of\nthe user's access tokens, or our id of the user.",
		Example: "  billingctl user show 'auth0|5f7c8ec7c33c6c004bbafe82'",
		Args:    oneArg("the subject or the id of a user"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			cfg, err := boot.Load[catalogConfig](t.environ)
			if err != nil {
				return err
			}
			return t.withBillingClock(cmd.Context(), cfg.Database, cfg.Time, func(s *postgres.Store, now ports.Clock) error {
				u, err := t.findUser(cmd.Context(), s, now, args[0])
				if err != nil {
					return err
				}
				return t.print(toUserJSON(u), func() { t.showUser(u) })
			})
		}),
	})
	return group("user", "Look up a user, or erase the personal data", show, t.userErase())
}

// userDetails are a user's records, the newest first.
type userDetails struct {
	operators.UserDetails
	Methods []ports.MethodView
}

// latestPayments is the number of payments that user show lists.
const latestPayments = 20

func (t *tool) findUser(ctx context.Context, s *postgres.Store, now ports.Clock, name string) (userDetails, error) {
	views := s.PanelViews()
	panel := operators.Panel{Store: s, Views: views, Clock: now, Location: time.UTC}
	names := ports.UserNames{Subject: name}
	if id := strings.ToLower(name); billing.IsID(id) {
		names = ports.UserNames{Subject: id, First: billing.UserID(id), Last: billing.UserID(id)}
	}
	found, err := views.Find.UsersNamed(ctx, names, 2)
	switch {
	case err != nil:
		return userDetails{}, err
	case len(found) == 0:
		return userDetails{}, billing.ErrNotFound.WithMessage("there is no user %s: no user has this subject or this id", name)
	case len(found) > 1:
		return userDetails{}, usageErrorf("%s is the id of one user and the subject of another; give the id of one: %s, %s", name, found[0].ID, found[1].ID)
	}
	var u userDetails
	if u.UserDetails, err = panel.User(ctx, t.operator(), found[0].ID, ""); err != nil {
		return u, err
	}
	u.Methods, err = s.Views().Methods(ctx, u.ID, ports.Page{Limit: 100})
	return u, err
}

type userJSON struct {
	ID             string                 `json:"id"`
	Subject        string                 `json:"subject"`
	Display        string                 `json:"display"`
	FirstSeenAt    time.Time              `json:"first_seen_at"`
	LastSeenAt     time.Time              `json:"last_seen_at"`
	Subscriptions  []userSubscriptionJSON `json:"subscriptions"`
	PaymentMethods []userMethodJSON       `json:"payment_methods"`
	Payments       []userPaymentJSON      `json:"payments"`
	History        []userEventJSON        `json:"history"`
	Notes          []userNoteJSON         `json:"notes"`
}

type userNoteJSON struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

type userSubscriptionJSON struct {
	ID                string     `json:"id"`
	PlanCode          string     `json:"plan_code"`
	Status            string     `json:"status"`
	Hold              string     `json:"hold"`
	Price             moneyJSON  `json:"price"`
	IntervalMonths    int        `json:"interval_months"`
	PeriodStart       time.Time  `json:"period_start"`
	PeriodEnd         time.Time  `json:"period_end"`
	NextChargeAt      *time.Time `json:"next_charge_at"`
	CancelAtPeriodEnd bool       `json:"cancel_at_period_end"`
	PaymentSystem     string     `json:"payment_system"`
	EndedAt           *time.Time `json:"ended_at"`
}

type userMethodJSON struct {
	ID            string    `json:"id"`
	PaymentSystem string    `json:"payment_system"`
	Status        string    `json:"status"`
	Brand         string    `json:"brand"`
	Last4         string    `json:"last4"`
	CreatedAt     time.Time `json:"created_at"`
}

type userPaymentJSON struct {
	ID            string    `json:"id"`
	CreatedAt     time.Time `json:"created_at"`
	Amount        moneyJSON `json:"amount"`
	Refunded      moneyJSON `json:"refunded"`
	Status        string    `json:"status"`
	DeclineCode   string    `json:"decline_code"`
	PaymentSystem string    `json:"payment_system"`
	ProviderRef   string    `json:"provider_ref"`
}

type userEventJSON struct {
	ID          string     `json:"id"`
	At          time.Time  `json:"at"`
	Type        string     `json:"type"`
	PlanCode    string     `json:"plan_code"`
	PaymentID   string     `json:"payment_id"`
	DeclineCode string     `json:"decline_code"`
	ChargeAt    *time.Time `json:"charge_at"` // that a reminder announces
	By          string     `json:"by"`        // the operator who caused the event; empty if none did
	Reason      string     `json:"reason"`    // of that operator
}

func toUserJSON(u userDetails) userJSON {
	return userJSON{
		ID: string(u.ID), Subject: u.Subject, Display: u.Display.Reveal(), FirstSeenAt: u.FirstSeenAt, LastSeenAt: u.LastSeenAt,
		Subscriptions: mapped(u.Subscriptions, func(s ports.SubscriptionView) userSubscriptionJSON {
			return userSubscriptionJSON{
				ID: string(s.ID), PlanCode: s.PlanCode, Status: string(s.Status), Hold: string(s.Hold),
				Price: moneyJSON{s.Price.Amount, string(s.Price.Currency)}, IntervalMonths: s.IntervalMonths,
				PeriodStart: s.Current.Start, PeriodEnd: s.Current.End, NextChargeAt: orNull(s.NextCharge()),
				CancelAtPeriodEnd: s.CancelAtPeriodEnd, PaymentSystem: s.PaymentSystem, EndedAt: orNull(s.EndedAt),
			}
		}),
		PaymentMethods: mapped(u.Methods, func(m ports.MethodView) userMethodJSON {
			return userMethodJSON{string(m.ID), m.PaymentSystem, string(m.Status()), string(m.Brand), m.Last4, m.CreatedAt}
		}),
		Payments: mapped(u.latest(), func(p viewers.Payment) userPaymentJSON {
			return userPaymentJSON{
				string(p.ID), p.CreatedAt, moneyJSON{p.Amount.Amount, string(p.Amount.Currency)}, moneyJSON{p.Refunded, string(p.Amount.Currency)},
				string(p.Status), string(p.DeclineCode), p.PaymentSystem, p.ProviderRef,
			}
		}),
		History: mapped(u.History, func(e billing.Event) userEventJSON {
			return userEventJSON{string(e.ID), e.At, string(e.Type), e.PlanCode, string(e.PaymentID), string(e.DeclineCode), orNull(e.ChargeAt), e.Author.Name, e.Author.Reason}
		}),
		Notes: mapped(u.Notes, func(n billing.Note) userNoteJSON { return userNoteJSON{string(n.ID), n.CreatedAt, n.By, n.Text} }),
	}
}

// latest returns the newest payments.
func (u userDetails) latest() []viewers.Payment {
	var list []viewers.Payment
	for _, p := range u.Payments {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b viewers.Payment) int { return strings.Compare(string(b.ID), string(a.ID)) })
	return list[:min(len(list), latestPayments)]
}

func (t *tool) showUser(u userDetails) {
	t.printf("User %s, subject %s%s", u.ID, u.Subject, prefixed(", ", u.Display.Reveal()))
	t.printf("First seen %s, last seen %s\n", formatTime(u.FirstSeenAt), formatTime(u.LastSeenAt))
	t.table([]string{"SUBSCRIPTION", "PLAN", "STATUS", "PRICE", "PERIOD ENDS", "NEXT CHARGE"}, mapped(u.Subscriptions, func(s ports.SubscriptionView) []string {
		status := joinNonEmpty(string(s.Status), prefixed("on hold: ", string(s.Hold)))
		switch {
		case s.Given():
			status += "; given, not renewed"
		case s.Live() && s.EndsWithPeriod():
			status += "; ends with the period"
		}
		price := s.Price.String() + " / month"
		switch {
		case s.Given():
			price = ""
		case s.IntervalMonths > 1:
			price = s.Price.String() + " / " + strconv.Itoa(s.IntervalMonths) + " months"
		}
		return []string{string(s.ID), s.PlanCode, status, price, formatTime(s.Current.End), formatTime(s.NextCharge())}
	}))
	t.printf("")
	t.table([]string{"PAYMENT METHOD", "PAYMENT SYSTEM", "STATUS", "CARD"}, mapped(u.Methods, func(m ports.MethodView) []string {
		return []string{string(m.ID), m.PaymentSystem, string(m.Status()), strings.TrimSpace(string(m.Brand) + " " + m.Last4)}
	}))
	t.printf("")
	t.table([]string{"PAYMENT", "TIME", "AMOUNT", "STATUS", "PAYMENT SYSTEM"}, mapped(u.latest(), func(p viewers.Payment) []string {
		return []string{string(p.ID), formatTime(p.CreatedAt), p.Amount.String(), joinNonEmpty(string(p.Status), string(p.DeclineCode)), joinNonEmpty(p.PaymentSystem, p.ProviderRef)}
	}))
	t.printf("")
	t.table([]string{"TIME", "EVENT", "PLAN", ""}, mapped(u.History, func(e billing.Event) []string {
		by := prefixed("by ", e.Author.Name) + prefixed(": ", e.Author.Reason)
		charge := ""
		if !e.ChargeAt.IsZero() {
			charge = "charge at " + formatTime(e.ChargeAt)
		}
		return []string{formatTime(e.At), string(e.Type), e.PlanCode, joinNonEmpty(string(e.DeclineCode), prefixed("payment ", string(e.PaymentID)), charge, by)}
	}))
	if len(u.Notes) > 0 {
		t.printf("")
		t.table([]string{"TIME", "BY", "NOTE"}, mapped(u.Notes, func(n billing.Note) []string {
			return []string{formatTime(n.CreatedAt), n.By, strings.Join(strings.Fields(n.Text), " ")}
		}))
	}
	if u.More {
		t.printf("\nOnly the newest events are listed.")
	}
}
