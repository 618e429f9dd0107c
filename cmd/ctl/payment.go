package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) payment() *cobra.Command {
	cmd := t.withJSON(&cobra.Command{
		Use: "payment ID|PROVIDER_REF", Short: "Show one payment and its events, settle it or refund it",
		Long: "Show one payment: the intent, the outcome, the refunds and the events that it caused. The argument is its id,\n" +
			"or its reference at the payment system.\n\n" +
			"The requests to the payment system and its responses are in the logs: search for the id as payment_id.",
		Example: "  billingctl payment 01a20ad7-07a3-74ec-b8cf-da68fb05228a",
		Args:    oneArg("the id of a payment, or the provider's reference"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			return t.withStore(cmd.Context(), func(s *postgres.Store) error {
				details, err := findPayment(cmd.Context(), s, args[0])
				if err != nil {
					return err
				}
				return t.print(toPaymentJSON(details), func() { t.showPayment(details) })
			})
		}),
	})
	cmd.AddCommand(t.paymentSettle(), t.paymentRefund())
	return cmd
}

// findPayment returns the payment with this id or, if there is none, with this reference
// at a payment system, cleaned as it was stored. Some payment systems use UUIDs too.
func findPayment(ctx context.Context, s *postgres.Store, ref string) (ports.PaymentDetails, error) {
	if id := strings.ToLower(ref); billing.IsID(id) {
		details, err := s.Story(ctx, billing.PaymentID(id))
		if !errors.Is(err, billing.ErrNotFound) {
			return details, err
		}
	}
	const most = 10
	ids, err := s.PaymentsByRef(ctx, billing.CleanReference(ref), most)
	switch {
	case err != nil:
		return ports.PaymentDetails{}, err
	case len(ids) == 0:
		return ports.PaymentDetails{}, billing.ErrNotFound.WithMessage("there is no payment %s: no payment has this id, or this reference at its payment system", ref)
	case len(ids) > 1:
		return ports.PaymentDetails{}, usageErrorf("several payments have the reference %s; give the id of one: %s", ref, strings.Join(mapped(ids, func(id billing.PaymentID) string { return string(id) }), ", "))
	}
	return s.Story(ctx, ids[0])
}

type paymentJSON struct {
	ID             string             `json:"id"`
	UserID         string             `json:"user_id"`
	SubscriptionID string             `json:"subscription_id"`
	PaymentSystem  string             `json:"payment_system"`
	ProviderRef    string             `json:"provider_ref"`
	Initiator      string             `json:"initiator"`
	Amount         moneyJSON          `json:"amount"`
	PeriodStart    time.Time          `json:"period_start"`
	PeriodEnd      time.Time          `json:"period_end"`
	Status         string             `json:"status"`
	DeclineCode    string             `json:"decline_code"`
	Contradiction  string             `json:"contradiction"`
	ReviewSince    *time.Time         `json:"review_since"`
	CreatedAt      time.Time          `json:"created_at"`
	SettledAt      *time.Time         `json:"settled_at"`
	SendUntil      *time.Time         `json:"send_until"`
	LookUpAt       *time.Time         `json:"look_up_at"`
	Refunded       moneyJSON          `json:"refunded"`
	ChargedLateAt  *time.Time         `json:"charged_late_at"`
	Refunds        []refundJSON       `json:"refunds"`
	Receipts       []receiptJSON      `json:"receipts"`
	Events         []paymentEventJSON `json:"events"`
}

type refundJSON struct {
	ID          string     `json:"id"`
	PaymentID   string     `json:"payment_id"`
	Amount      moneyJSON  `json:"amount"`
	EndNow      bool       `json:"end_now"`
	By          string     `json:"by"`
	Reason      string     `json:"reason"`
	Status      string     `json:"status"`
	DeclineCode string     `json:"decline_code"`
	ProviderRef string     `json:"provider_ref"`
	ReviewSince *time.Time `json:"review_since"`
	CreatedAt   time.Time  `json:"created_at"`
	SettledAt   *time.Time `json:"settled_at"`
}

func toRefundJSON(r billing.Refund) refundJSON {
	return refundJSON{
		ID: string(r.ID), PaymentID: string(r.PaymentID), Amount: moneyJSON{r.Amount.Amount, string(r.Amount.Currency)},
		EndNow: r.EndNow, By: r.By, Reason: r.Reason, Status: string(r.Status), DeclineCode: string(r.DeclineCode),
		ProviderRef: r.ProviderRef, ReviewSince: orNull(r.ReviewSince), CreatedAt: r.CreatedAt, SettledAt: orNull(r.SettledAt),
	}
}

// receiptJSON has no contact, because support does not need it.
type receiptJSON struct {
	ID        string     `json:"id"` // of the payment, or of the refund
	Item      string     `json:"item"`
	VAT       string     `json:"vat"`
	Mode      string     `json:"mode"`
	Status    string     `json:"status"`
	CreatedAt time.Time  `json:"created_at"`
	SettledAt *time.Time `json:"settled_at"`
}

func toReceiptJSON(r billing.Receipt) receiptJSON {
	return receiptJSON{string(r.ID), r.Item, string(r.VAT), string(r.Terms.Mode), string(r.Status), r.CreatedAt, orNull(r.SettledAt)}
}

type paymentEventJSON struct {
	ID          string     `json:"id"`
	Type        string     `json:"type"`
	At          time.Time  `json:"at"`
	DeclineCode string     `json:"decline_code"`
	AccessUntil *time.Time `json:"access_until"`
	RetryAt     *time.Time `json:"retry_at"`
}

// toPaymentJSON omits the confirmation page, because only the viewer may open it.
func toPaymentJSON(s ports.PaymentDetails) paymentJSON {
	return paymentJSON{
		ID: string(s.ID), UserID: string(s.UserID), SubscriptionID: string(s.SubscriptionID),
		PaymentSystem: s.PaymentSystem, ProviderRef: s.ProviderRef, Initiator: string(s.Initiator),
		Amount:      moneyJSON{s.Amount.Amount, string(s.Amount.Currency)},
		PeriodStart: s.Period.Start, PeriodEnd: s.Period.End,
		Status: string(s.Status), DeclineCode: string(s.DeclineCode), Contradiction: s.Contradiction, ReviewSince: orNull(s.ReviewSince),
		CreatedAt: s.CreatedAt, SettledAt: orNull(s.SettledAt), SendUntil: orNull(s.SendUntil), LookUpAt: orNull(s.LookAt),
		Refunded: moneyJSON{s.Refunded, string(s.Amount.Currency)}, ChargedLateAt: orNull(s.ChargedLateAt), Refunds: mapped(s.Refunds, toRefundJSON), Receipts: mapped(s.Receipts, toReceiptJSON),
		Events: mapped(s.Events, func(e billing.Event) paymentEventJSON {
			return paymentEventJSON{
				string(e.ID), string(e.Type), e.At, string(e.DeclineCode), orNull(e.AccessUntil), orNull(e.RetryAt),
			}
		}),
	}
}

// showPayment prints a payment and its events in chronological order.
func (t *tool) showPayment(s ports.PaymentDetails) {
	t.printf("Payment %s of %s through %s", s.ID, s.Amount, s.PaymentSystem)
	t.printf("User %s, subscription %s, for %s to %s\n", s.UserID, s.SubscriptionID, formatTime(s.Period.Start), formatTime(s.Period.End))
	initiator := "requested by the viewer"
	if s.Initiator == billing.MerchantInitiated {
		initiator = "a renewal"
	}
	rows := [][]string{{formatTime(s.CreatedAt), "intent stored", initiator}}
	ref := prefixed("provider reference ", s.ProviderRef)
	switch {
	case s.Settled():
		rows = append(rows, []string{formatTime(s.SettledAt), string(s.Status), joinNonEmpty(string(s.DeclineCode), ref)})
	case s.ActionURL != "":
		rows = append(rows, []string{"", "pending", joinNonEmpty("waits for the viewer's confirmation", ref)})
	case !s.ReviewSince.IsZero():
		rows = append(rows, []string{formatTime(s.ReviewSince), "pending", joinNonEmpty(
			"waits for a person, because its outcome was unknown or its page open for too long; it is not sent again; see billingctl payment settle", ref)})
	default:
		rows = append(rows, []string{"", "pending", joinNonEmpty("may be sent until "+formatTime(s.SendUntil), "next lookup at "+formatTime(s.LookAt), ref)})
	}
	if s.Contradiction != "" {
		rows = append(rows, []string{"", "contradicted", s.Contradiction})
	}
	for _, e := range s.Events {
		rows = append(rows, []string{formatTime(e.At), "event " + string(e.Type), joinNonEmpty(string(e.DeclineCode),
			prefixed("next retry at ", formatTime(e.RetryAt)), prefixed("access until ", formatTime(e.AccessUntil)))})
	}
	t.table([]string{"TIME", "EVENT", ""}, rows)
	t.showRefunds(s.Refunds)
	t.showReceipts(s.Receipts)
}

// showReceipts prints the receipts of a payment and its refunds, if there are any.
func (t *tool) showReceipts(receipts []billing.Receipt) {
	if len(receipts) == 0 {
		return
	}
	t.table([]string{"TIME", "RECEIPT OF", "ITEM", "VAT", "STATUS"}, mapped(receipts, func(r billing.Receipt) []string {
		of := "the payment"
		if r.IsRefund() {
			of = "refund " + string(r.ID)
		}
		return []string{formatTime(r.CreatedAt), of, r.Item, string(r.VAT), string(r.Status)}
	}))
}

// showRefunds prints the refunds of a payment, if there are any.
func (t *tool) showRefunds(refunds []billing.Refund) {
	if len(refunds) == 0 {
		return
	}
	rows := mapped(refunds, func(r billing.Refund) []string {
		status := string(r.Status)
		if r.NeedsReview() {
			status += ", waits for a person; see billingctl payment settle"
		}
		return []string{formatTime(r.CreatedAt), string(r.ID), r.Amount.String(), joinNonEmpty(status, string(r.DeclineCode),
			prefixed("provider reference ", r.ProviderRef), prefixed("by ", r.By), r.Reason)}
	})
	t.printf("")
	t.table([]string{"TIME", "REFUND", "AMOUNT", ""}, rows)
}

// formatTime returns an empty string for the zero time.
func formatTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// prefixed returns prefix and text, or an empty string if text is empty.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func joinNonEmpty(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}
