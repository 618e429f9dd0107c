package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// planEnd is the command line of billingctl plan end.
type planEnd struct {
	reason  string
	dryRun  bool
	confirm int
}

func (t *tool) planEnd() *cobra.Command {
	var in planEnd
	cmd := &cobra.Command{
		Use: "end CODE --reason TEXT (--dry-run | --confirm N)", Short: "End a plan for all its subscribers",
		Long: `End a plan for all its subscribers. The plan is not sold any more, and no viewer is
charged for it again. Each subscription ends where its next renewal would have been.
One that is past due has no paid time left, so it ends at once.

The API cancels the subscriptions within seconds, so that viewers and services see it.
If no API runs, billing-renew ends them when they are due. "plan restore" takes the
end back. Viewers whose subscriptions were cancelled may then resume them.`,
		Example: "  billingctl plan end sport --reason 'the rights end' --dry-run\n  billingctl plan end sport --reason 'the rights end' --confirm 120",
		Args:    oneArg("the code of a plan"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			f := flagFaults(cmd)
			if cmd.Flags().Changed("reason") {
				f.addFields(cmd, billing.CheckReason(in.reason))
			}
			if cmd.Flags().Changed(flagConfirm) == in.dryRun {
				f.addf("choose either --%s or --%s N", flagDryRun, flagConfirm)
			}
			if err := f.err(); err != nil {
				return err
			}
			return t.withCatalog(cmd.Context(), func(c operators.Catalog) error { return in.run(cmd.Context(), t, c, args[0]) })
		}),
	}
	cmd.Flags().StringVar(&in.reason, "reason", "", "why, for the audit log")
	cmd.Flags().BoolVar(&in.dryRun, flagDryRun, false, "count the viewers and show when their subscriptions end, and change nothing")
	cmd.Flags().IntVar(&in.confirm, flagConfirm, 0, "end the plan, if the dry run has shown this number of viewers")
	require(cmd, "reason")
	return cmd
}

func (in planEnd) run(ctx context.Context, t *tool, c operators.Catalog, code string) error {
	if in.dryRun {
		end, err := c.PreviewEnd(ctx, code)
		if err != nil {
			return err
		}
		return t.print(toPlanEndJSON(end, true), func() {
			t.printf("dry run: plan %s would end for %s", end.Plan.Code, endsOf(end))
			t.printf("to end it, repeat the command with --%s %d instead of --%s", flagConfirm, end.Viewers, flagDryRun)
		})
	}
	end, err := c.EndPlan(ctx, code, in.reason, in.confirm)
	if err != nil {
		return err
	}
	return t.print(toPlanEndJSON(end, false), func() { t.printf("plan %s ends for %s", end.Plan.Code, endsOf(end)) })
}

// endsOf says how many viewers are affected and when their subscriptions end.
func endsOf(end operators.PlanEnd) string {
	text := countViewers(end.Viewers)
	switch {
	case end.Viewers == 1:
		text += fmt.Sprintf(", at %s,", formatTime(end.First))
	case end.Viewers > 1:
		text += fmt.Sprintf(", for the first at %s, for the last at %s,", formatTime(end.First), formatTime(end.Last))
	}
	return text + " and no viewer is charged for it again"
}

type planEndJSON struct {
	Plan     string     `json:"plan"`
	DryRun   bool       `json:"dry_run"`
	Viewers  int        `json:"viewers"` // with a subscription that is not cancelled
	Ends     *spanJSON  `json:"ends"`    // of their subscriptions; null without viewers
	EndingAt *time.Time `json:"ending_at"`
}

func toPlanEndJSON(end operators.PlanEnd, dryRun bool) planEndJSON {
	j := planEndJSON{Plan: end.Plan.Code, DryRun: dryRun, Viewers: end.Viewers}
	if !dryRun {
		j.EndingAt = &end.Plan.EndingAt
	}
	if end.Viewers > 0 {
		j.Ends = &spanJSON{end.First, end.Last}
	}
	return j
}
