package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// printer prints summaries and decisions, as text or as JSON.
type printer struct {
	w    io.Writer
	json bool
}

type summaryJSON struct {
	Settled  int `json:"settled"`
	Due      int `json:"due"`
	Renewed  int `json:"renewed"`
	Declined int `json:"declined"`
	Held     int `json:"held"`
	Unknown  int `json:"unknown"`
	Ended    int `json:"ended"`
	Failed   int `json:"failed"`
	Waiting  int `json:"waiting"`
}

func (p printer) summary(s ports.Summary) error {
	if p.json {
		return json.NewEncoder(p.w).Encode(summaryJSON(s))
	}
	_, err := fmt.Fprintf(p.w, "%d due: %d renewed, %d declined (%d on hold), %d unknown, %d failed; %d ended; %d earlier payments settled; %d wait for a person or their notice\n",
		s.Due, s.Renewed, s.Declined, s.Held, s.Unknown, s.Failed, s.Ended, s.Settled, s.Waiting)
	return err
}

// forecast prints the sums of a dry run.
func (p printer) forecast(f *forecast) error {
	if p.json {
		return json.NewEncoder(p.w).Encode(struct {
			summaryJSON

			WouldCharge []moneyJSON `json:"would_charge"`
		}{summaryJSON(f.summary()), f.money()})
	}
	_, err := fmt.Fprintln(p.w, f)
	return err
}

// planned is one line of a dry run.
type planned struct {
	Action         string      `json:"action"` // charge, end or none
	Reason         string      `json:"reason"` // renewal or retry; cancelled, given, plan_ended, payment_method_removed, payment_method_not_saved or the decline code of a hold; no_adapter, no_consent, token_unreadable or no_notice
	UserID         string      `json:"user_id"`
	SubscriptionID string      `json:"subscription_id"`
	PlanCode       string      `json:"plan_code"`
	PaymentSystem  string      `json:"payment_system"`
	DueAt          time.Time   `json:"due_at"`
	Amount         *moneyJSON  `json:"amount"`
	Period         *periodJSON `json:"period"`
}

type moneyJSON struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type periodJSON struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func toPlanned(d renewals.Decision) planned {
	l := planned{
		UserID: string(d.UserID), SubscriptionID: string(d.ID), PlanCode: d.PlanCode,
		PaymentSystem: d.PaymentSystem, DueAt: d.NextChargeAt,
	}
	switch {
	case d.NoAdapter:
		l.Action, l.Reason = "none", "no_adapter"
	case d.Obstacle != "":
		l.Action, l.Reason = "none", string(d.Obstacle)
	case d.Billed:
		l.Action, l.Reason = "charge", "renewal"
		if d.Status == billing.StatusPastDue {
			l.Reason = "retry"
		}
		l.Amount = &moneyJSON{d.Payment.Amount.Amount, string(d.Payment.Amount.Currency)}
		l.Period = &periodJSON{d.Payment.Period.Start, d.Payment.Period.End}
	case d.Hold != "":
		l.Action, l.Reason, l.DueAt = "end", string(d.Hold), d.GraceUntil
	case d.Given():
		l.Action, l.Reason, l.DueAt = "end", "given", d.Current.End
	case d.CancelAtPeriodEnd:
		l.Action, l.Reason = "end", "cancelled"
	case d.PlanEnding:
		l.Action, l.Reason = "end", string(billing.PlanEnded)
	default:
		l.Action, l.Reason = "end", string(d.MethodRetired)
	}
	return l
}

func (p printer) planned(d renewals.Decision) error {
	l := toPlanned(d)
	if p.json {
		return json.NewEncoder(p.w).Encode(l)
	}
	action := l.Action
	if l.Amount != nil {
		action = fmt.Sprintf("charge %s for %s to %s", d.Payment.Amount,
			l.Period.Start.Format(time.RFC3339), l.Period.End.Format(time.RFC3339))
	}
	_, err := fmt.Fprintf(p.w, "%s  user %s  subscription %s  plan %s  %s (%s)\n",
		l.DueAt.Format(time.RFC3339), l.UserID, l.SubscriptionID, l.PlanCode, action, l.Reason)
	return err
}
