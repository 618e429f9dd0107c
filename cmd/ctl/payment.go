package main

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func (t *tool) payment() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "payment ID", Short: "Tell all that the books say of one payment",
		Long: "Tell all that the books say of one payment: what was asked for, what became of it, and what that caused.\n\n" +
			"When it was sent, and what the payment system said word for word, is in the log: look for its id as payment_id.",
		Example: "  billingctl payment 01a20ad7-07a3-74ec-b8cf-da68fb05228a",
		Args:    cobra.ExactArgs(1),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			if uuid.Validate(args[0]) != nil {
				return misused("%q is not the id of a payment, which is a UUID", args[0])
			}
			return t.withStore(cmd.Context(), func(s *postgres.Store) error {
				story, err := s.Story(cmd.Context(), billing.PaymentID(args[0]))
				if err != nil {
					return err
				}
				return t.print(toStoryJSON(story), func() { t.tell(story) })
			})
		}),
	})
}

type storyJSON struct {
	ID             string         `json:"id"`
	UserID         string         `json:"user_id"`
	SubscriptionID string         `json:"subscription_id"`
	PaymentSystem  string         `json:"payment_system"`
	ProviderRef    string         `json:"provider_ref"`
	Initiator      string         `json:"initiator"`
	Amount         moneyJSON      `json:"amount"`
	PeriodStart    time.Time      `json:"period_start"`
	PeriodEnd      time.Time      `json:"period_end"`
	Status         string         `json:"status"`
	DeclineCode    string         `json:"decline_code"`
	Contradiction  string         `json:"contradiction"`
	CreatedAt      time.Time      `json:"created_at"`
	SettledAt      *time.Time     `json:"settled_at"`
	SendUntil      *time.Time     `json:"send_until"`
	LookUpAt       *time.Time     `json:"look_up_at"`
	Events         []paymentEvent `json:"events"`
}

type paymentEvent struct {
	ID          string     `json:"id"`
	Type        string     `json:"type"`
	At          time.Time  `json:"at"`
	DeclineCode string     `json:"decline_code"`
	AccessUntil *time.Time `json:"access_until"`
	RetryAt     *time.Time `json:"retry_at"`
}

// toStoryJSON leaves out the page on which a viewer confirms a payment, which is
// the viewer's.
func toStoryJSON(s app.Story) storyJSON {
	return storyJSON{
		ID: string(s.ID), UserID: string(s.UserID), SubscriptionID: string(s.SubscriptionID),
		PaymentSystem: s.PaymentSystem, ProviderRef: s.ProviderRef, Initiator: string(s.Initiator),
		Amount:      moneyJSON{s.Amount.Amount, string(s.Amount.Currency)},
		PeriodStart: s.Period.Start, PeriodEnd: s.Period.End,
		Status: string(s.Status), DeclineCode: string(s.DeclineCode), Contradiction: s.Contradiction,
		CreatedAt: s.CreatedAt, SettledAt: orNull(s.SettledAt), SendUntil: orNull(s.SendUntil), LookUpAt: orNull(s.LookAt),
		Events: mapped(s.Events, func(e billing.Event) paymentEvent {
			return paymentEvent{
				string(e.ID), string(e.Type), e.At, string(e.DeclineCode), orNull(e.AccessUntil), orNull(e.RetryAt),
			}
		}),
	}
}

// tell is the story for people, in the order in which it happened.
func (t *tool) tell(s app.Story) {
	t.say("Payment %s of %s through %s", s.ID, s.Amount, s.PaymentSystem)
	t.say("User %s, subscription %s, for %s to %s\n", s.UserID, s.SubscriptionID, stamp(s.Period.Start), stamp(s.Period.End))
	asked := "asked for by the viewer"
	if s.Initiator == billing.MerchantInitiated {
		asked = "a renewal"
	}
	rows := [][]string{{stamp(s.CreatedAt), "intent stored", asked}}
	there := after("known there as ", s.ProviderRef)
	switch {
	case s.Settled():
		rows = append(rows, []string{stamp(s.SettledAt), string(s.Status), phrases(string(s.DeclineCode), there)})
	case s.ActionURL != "":
		rows = append(rows, []string{"", "pending", phrases("the viewer is to confirm it", there)})
	default:
		rows = append(rows, []string{"", "pending", phrases("may be being sent until "+stamp(s.SendUntil), "is looked up at "+stamp(s.LookAt), there)})
	}
	if s.Contradiction != "" {
		rows = append(rows, []string{"", "contradicted", s.Contradiction})
	}
	for _, e := range s.Events {
		rows = append(rows, []string{stamp(e.At), "event " + string(e.Type), phrases(string(e.DeclineCode),
			after("tried again at ", stamp(e.RetryAt)), after("access until ", stamp(e.AccessUntil)))})
	}
	t.table([]string{"TIME", "WHAT", ""}, rows)
}

// stamp is empty for no time.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// after puts words before what is there, if anything is.
func after(words, what string) string {
	if what == "" {
		return ""
	}
	return words + what
}

func phrases(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}
