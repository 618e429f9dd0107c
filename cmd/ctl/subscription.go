package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// subscription returns the commands that change the subscription of a viewer.
func (t *tool) subscription() *cobra.Command {
	return group("subscription", "Cancel, resume or retry a viewer's subscription", t.subscriptionCancel(), t.subscriptionResume(), t.subscriptionRetry())
}

func (t *tool) subscriptionCancel() *cobra.Command {
	var now bool
	cmd := t.onSubscription("cancel ID [--now] --reason TEXT", "End a subscription at the end of its period, or now",
		"End a subscription at the end of its paid period, or at once with --now. Nothing is paid back: see billingctl payment refund.\n"+
			"A renewal that is being charged at this moment may still succeed.",
		func(ctx context.Context, s operators.Support, on operators.Target) (billing.Subscription, error) {
			at := billing.AtPeriodEnd
			if now {
				at = billing.AtOnce
			}
			return s.Cancel(ctx, on, at)
		})
	cmd.Flags().BoolVar(&now, "now", false, "end it at once")
	return cmd
}

func (t *tool) subscriptionResume() *cobra.Command {
	return t.onSubscription("resume ID --reason TEXT", "Take a cancel back before the period ends", "Take a cancel back before the period ends. It charges nothing.",
		func(ctx context.Context, s operators.Support, on operators.Target) (billing.Subscription, error) {
			return s.Resume(ctx, on)
		})
}

func (t *tool) subscriptionRetry() *cobra.Command {
	return t.onSubscription("retry ID --reason TEXT", "Charge a declined renewal in the next run",
		"Make the next try of a declined renewal due now, so that the next run of billing-renew charges it. The later tries stay on\n"+
			"schedule. A subscription on hold is refused, because only the viewer can help.",
		func(ctx context.Context, s operators.Support, on operators.Target) (billing.Subscription, error) {
			return s.Retry(ctx, on)
		})
}

// onSubscription returns a command that changes the subscription with the id that is its
// argument.
func (t *tool) onSubscription(use, short, long string, apply func(context.Context, operators.Support, operators.Target) (billing.Subscription, error)) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: oneArg("the id of a subscription"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			id := strings.ToLower(args[0])
			f := flagFaults(cmd)
			if !billing.IsID(id) {
				f.addf("%q is not the id of a subscription", args[0])
			}
			f.addFields(cmd, billing.CheckReason(reason))
			if err := f.err(); err != nil {
				return err
			}
			return t.withSupport(cmd.Context(), func(store *postgres.Store, s operators.Support) error {
				user, err := store.SubscriptionOwner(cmd.Context(), billing.SubscriptionID(id))
				if err != nil {
					return err
				}
				sub, err := apply(cmd.Context(), s, operators.Target{User: user, Ref: id, Reason: reason})
				if err != nil {
					return err
				}
				return t.print(toSubscriptionJSON(sub), func() { t.printf("%s", subscriptionSentence(sub)) })
			})
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	require(cmd, "reason")
	return t.withJSON(cmd)
}

// give returns the command that gives a viewer time, or all viewers of an outage.
func (t *tool) give() *cobra.Command {
	var user, plan, source, reason string
	var many makeGood
	cmd := &cobra.Command{
		Use:   "give DAYSd|period (--user SUBJECT|ID | --entitled-between TIME TIME) --plan CODE --reason TEXT",
		Short: "Give a viewer, or all viewers of an outage, time without a charge",
		Long: "Give a viewer days (3d), or one whole period of the plan (period). The time follows what the viewer has. The end of the\n" +
			"period, the next charge, the retries and the end of the grace move by it. Nothing is charged.\n\n" +
			"A viewer without a live subscription in the group of the plan gets the plan itself for that time. It is not renewed.\n\n" +
			"A viewer gets time from a source once, so a repeated command changes nothing. The source is the reason, unless you name\n" +
			"another one.\n\n" +
			"With --entitled-between every viewer of the plan gets the time who could watch at any moment between two past times,\n" +
			"because of a payment, a grant or a grace. Use --dry-run first: it counts the viewers. --confirm gives the time if the\n" +
			"number is still the same. Viewers whose payment is being settled are counted and skipped. If the command is interrupted,\n" +
			"repeat it from the dry run on: it goes on where it stopped.",
		Example: "  billingctl give 3d --user viewer-17 --plan premium --reason 'ticket 4711: no picture'\n" +
			"  billingctl give 1d --plan premium --entitled-between 2026-01-31T20:00:00Z 2026-01-31T21:30:00Z --source INC-42 --reason 'no picture' --dry-run",
		Args: giveArgs,
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			f := flagFaults(cmd)
			days, ok := parseDays(args[0])
			if !ok {
				f.addf("%q is neither days such as 3d nor the word period", args[0])
			}
			if source == "" {
				source = reason
			}
			f.addFields(cmd, billing.GrantRequest{Days: days, Source: source, Reason: reason}.Check(), sourceFault(cmd)...)
			if isMany(cmd) {
				within := many.within(cmd, &f, args[1])
				if err := f.err(); err != nil {
					return err
				}
				return many.run(cmd.Context(), t, operators.MakeGoodRequest{Plan: plan, Within: within, Days: days, Source: strings.TrimSpace(source), Reason: reason})
			}
			if user == "" {
				f.addf("--user is not set: name a viewer, or with --%s all viewers of an outage", flagEntitled)
			}
			for _, flag := range []string{flagDryRun, flagConfirm} {
				if cmd.Flags().Changed(flag) {
					f.addf("--%s needs --%s", flag, flagEntitled)
				}
			}
			if err := f.err(); err != nil {
				return err
			}
			return t.withSupport(cmd.Context(), func(_ *postgres.Store, s operators.Support) error {
				on := operators.Target{User: billing.UserID(auth.UserID(user)), Ref: plan, Reason: reason}
				sub, grant, err := s.GiveOrBegin(cmd.Context(), on, days, source)
				if err != nil {
					return err
				}
				return t.print(toGrantJSON(sub, grant), func() { t.printf("%s", grantSentence(sub, grant)) })
			})
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "the subject of the viewer's tokens, or the viewer's id")
	cmd.Flags().StringVar(&plan, "plan", "", "code of the plan, or id of the subscription")
	cmd.Flags().StringVar(&source, "source", "", "what the time is for, such as an incident (default: the reason)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	many.addFlags(cmd)
	require(cmd, "plan", "reason")
	return t.withJSON(cmd)
}

// sourceFault returns the field source if its text is the reason, whose fault is reported.
func sourceFault(cmd *cobra.Command) []string {
	if cmd.Flags().Changed("source") {
		return nil
	}
	return []string{"source"}
}

var daysPattern = regexp.MustCompile(`^([1-9][0-9]{0,3})d$`)

// parseDays returns the number of days of a text such as 3d, or 0 for "period".
func parseDays(text string) (int, bool) {
	if text == "period" {
		return 0, true
	}
	m := daysPattern.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	days, err := strconv.Atoi(m[1])
	return days, err == nil
}

// supportConfig is the configuration of commands that change subscriptions. The time zone
// must be that of the other programs.
type supportConfig struct {
	boot.Database
	boot.Rules
}

// withSupport runs f with the service's store and the changes that an operator can make.
func (t *tool) withSupport(ctx context.Context, f func(*postgres.Store, operators.Support) error) error {
	cfg, err := boot.Load[supportConfig](t.environ)
	if err != nil {
		return err
	}
	return t.withBillingClock(ctx, cfg.Database, cfg.Time, func(s *postgres.Store, now ports.Clock) error {
		return f(s, operators.Support{Store: s, Clock: now, Calendar: cfg.TimeZone.Calendar(), NewID: boot.NewID, By: t.operator()})
	})
}

type subscriptionJSON struct {
	ID                string     `json:"id"`
	UserID            string     `json:"user_id"`
	PlanCode          string     `json:"plan_code"`
	Status            string     `json:"status"`
	CurrentPeriod     periodJSON `json:"current_period"`
	NextChargeAt      *time.Time `json:"next_charge_at"`
	CancelAtPeriodEnd bool       `json:"cancel_at_period_end"`
	EndedAt           *time.Time `json:"ended_at"`
}

type periodJSON struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func toSubscriptionJSON(s billing.Subscription) subscriptionJSON {
	return subscriptionJSON{
		ID: string(s.ID), UserID: string(s.UserID), PlanCode: s.PlanCode, Status: string(s.Status),
		CurrentPeriod: periodJSON{s.Current.Start, s.Current.End}, NextChargeAt: orNull(s.NextCharge()),
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, EndedAt: orNull(s.EndedAt),
	}
}

type grantJSON struct {
	ID           string           `json:"id"`
	Period       periodJSON       `json:"period"`
	Source       string           `json:"source"`
	By           string           `json:"by"`
	Reason       string           `json:"reason"`
	Subscription subscriptionJSON `json:"subscription"`
}

func toGrantJSON(s billing.Subscription, g billing.Grant) grantJSON {
	return grantJSON{
		ID: string(g.ID), Period: periodJSON{g.Period.Start, g.Period.End}, Source: g.Source, By: g.By, Reason: g.Reason,
		Subscription: toSubscriptionJSON(s),
	}
}

// grantSentence names the grant in one sentence.
func grantSentence(s billing.Subscription, g billing.Grant) string {
	period := g.Period.Start.Format(time.RFC3339) + " to " + g.Period.End.Format(time.RFC3339)
	if s.Given() && g.Period == s.Current {
		return fmt.Sprintf("given: plan %s from %s, from %q; it is free and not renewed", s.PlanCode, period, g.Source)
	}
	return fmt.Sprintf("given: %s, from %q; %s", period, g.Source, subscriptionSentence(s))
}

// subscriptionSentence says in one sentence how the subscription stands.
func subscriptionSentence(s billing.Subscription) string {
	what := "the subscription to plan " + s.PlanCode
	switch {
	case s.Status == billing.StatusEnded:
		return what + " has ended"
	case s.Given():
		return what + " was given, is not renewed, and runs until " + s.Current.End.Format(time.RFC3339)
	case s.CancelAtPeriodEnd && s.Charging:
		return what + " is cancelled, and a renewal for it is being charged at this moment"
	case s.CancelAtPeriodEnd:
		return what + " is cancelled and runs until " + s.Current.End.Format(time.RFC3339)
	case s.PlanEnding:
		return what + " is not renewed, because the plan is being ended, and runs until " + s.Current.End.Format(time.RFC3339)
	case s.Hold != "":
		return what + " is on hold, and the access lasts until " + s.GraceUntil.Format(time.RFC3339)
	default:
		return what + " is " + strings.ReplaceAll(string(s.Status), "_", " ") + ", and the next charge is at " + s.NextChargeAt.Format(time.RFC3339)
	}
}
