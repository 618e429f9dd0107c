package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// Flags of billingctl give.
const (
	flagEntitled = "entitled-between"
	flagDryRun   = "dry-run"
	flagConfirm  = "confirm"
)

// makeGood is the command line of billingctl give for many viewers.
type makeGood struct {
	from    string // the other time is an argument
	dryRun  bool
	confirm int
}

func (g *makeGood) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.from, flagEntitled, "", "give to every viewer who could watch between these two times, such as 2026-01-31T20:00:00Z 2026-01-31T21:30:00Z")
	cmd.Flags().BoolVar(&g.dryRun, flagDryRun, false, "count the viewers and show how their next charges move, and give nothing")
	cmd.Flags().IntVar(&g.confirm, flagConfirm, 0, "give, if the dry run has shown this number of viewers")
}

// isMany reports whether the command gives to many viewers.
func isMany(cmd *cobra.Command) bool { return cmd.Flags().Changed(flagEntitled) }

// giveArgs checks the arguments of billingctl give. The second time of --entitled-between is
// the second one.
func giveArgs(cmd *cobra.Command, args []string) error {
	if !isMany(cmd) {
		return oneArg("days such as 3d, or period")(cmd, args)
	}
	if len(args) != 2 {
		return fmt.Errorf("%q with --%s needs days such as 3d, or period, and two times: billingctl give 3d --plan CODE --%s TIME TIME --reason TEXT",
			cmd.CommandPath(), flagEntitled, flagEntitled)
	}
	return nil
}

// within returns the period in which the viewers could watch.
func (g *makeGood) within(cmd *cobra.Command, f *faults, until string) billing.Period {
	p := billing.Period{Start: f.time(flagEntitled, g.from), End: f.time(flagEntitled, until)}
	if !p.Start.IsZero() && !p.End.IsZero() && !p.Start.Before(p.End) {
		f.addf("--%s %s is not before %s", flagEntitled, g.from, until)
	}
	if cmd.Flags().Changed(flagConfirm) == g.dryRun {
		f.addf("--%s needs either --%s or --%s N", flagEntitled, flagDryRun, flagConfirm)
	}
	f.exclusive(cmd, flagEntitled, "user")
	return p
}

// run gives the time, or counts the viewers.
func (g *makeGood) run(ctx context.Context, t *tool, r operators.MakeGoodRequest) error {
	return t.withMakeGood(ctx, func(m operators.MakeGood) error {
		if g.dryRun {
			tally, err := m.Preview(ctx, r)
			if err != nil {
				return err
			}
			return t.print(toMakeGoodJSON(r, tally, true), func() { t.showPreview(r, tally) })
		}
		tally, err := m.Give(ctx, r, g.confirm)
		if err != nil && tally == (operators.MakeGoodTally{}) {
			return err
		}
		printed := t.print(toMakeGoodJSON(r, tally, false), func() { t.showGiven(r, tally) })
		if err != nil {
			return fmt.Errorf("not all viewers got the time; repeat the command with --%s first: %w", flagDryRun, err)
		}
		return printed
	})
}

func (t *tool) withMakeGood(ctx context.Context, f func(operators.MakeGood) error) error {
	cfg, err := boot.Load[supportConfig](t.environ)
	if err != nil {
		return err
	}
	return t.withSupport(ctx, func(_ *postgres.Store, s operators.Support) error {
		return f(operators.MakeGood{Support: s, RenewalGrace: time.Duration(cfg.RenewalGrace)})
	})
}

// giftOf names the time that each viewer gets.
func giftOf(r operators.MakeGoodRequest) string {
	switch r.Days {
	case 0:
		return "a period"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", r.Days)
	}
}

func (t *tool) showPreview(r operators.MakeGoodRequest, y operators.MakeGoodTally) {
	t.printf("dry run: %s of plan %s would get %s, from %q", countViewers(y.Open()), r.Plan, giftOf(r), r.Source)
	t.printf("  0 is charged now")
	t.showMoved(y.Moved, "would move")
	t.showOthers(y)
	t.printf("to give it, repeat the command with --%s %d instead of --%s", flagConfirm, y.Open(), flagDryRun)
}

func (t *tool) showGiven(r operators.MakeGoodRequest, y operators.MakeGoodTally) {
	t.printf("given: %s to %s of plan %s, from %q", giftOf(r), countViewers(y.Given), r.Plan, r.Source)
	t.showMoved(y.Moved, "moved")
	t.showOthers(y)
	if y.Failed > 0 {
		t.printf("  %s did not get it, because it could not be stored", countViewers(y.Failed))
	}
}

func (t *tool) showMoved(c operators.NextCharges, verb string) {
	if c.Count == 0 {
		return
	}
	t.printf("  next charges: %d %s, the first from %s to %s, the last from %s to %s", c.Count, verb,
		formatTime(c.Before.Start), formatTime(c.After.Start), formatTime(c.Before.End), formatTime(c.After.End))
}

func (t *tool) showOthers(y operators.MakeGoodTally) {
	if y.Charging > 0 {
		t.printf("  %s of them cannot get it while a payment is being settled: repeat the command for them a minute later", countViewers(y.Charging))
	}
	if y.Already > 0 {
		t.printf("  %s got time from this source before, and get nothing", countViewers(y.Already))
	}
	if y.Over > 0 {
		t.printf("  %s get nothing, because their subscriptions are over", countViewers(y.Over))
	}
}

func countViewers(n int) string {
	if n == 1 {
		return "1 viewer"
	}
	return fmt.Sprintf("%d viewers", n)
}

type makeGoodJSON struct {
	Plan     string          `json:"plan"`
	Days     int             `json:"days"` // 0 for a period
	Source   string          `json:"source"`
	Entitled periodJSON      `json:"entitled_between"`
	DryRun   bool            `json:"dry_run"`
	Viewers  int             `json:"viewers"` // entitled, and not given time from the source before
	Given    int             `json:"given"`
	Charging int             `json:"charging"`
	Already  int             `json:"already_given"`
	Over     int             `json:"over"`
	Failed   int             `json:"failed"`
	DueNow   int             `json:"due_now"`
	Moved    nextChargesJSON `json:"next_charges"`
}

type nextChargesJSON struct {
	Moved  int       `json:"moved"`
	Before *spanJSON `json:"before"`
	After  *spanJSON `json:"after"`
}

type spanJSON struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

func toMakeGoodJSON(r operators.MakeGoodRequest, y operators.MakeGoodTally, dryRun bool) makeGoodJSON {
	j := makeGoodJSON{
		Plan: r.Plan, Days: r.Days, Source: r.Source, Entitled: periodJSON{r.Within.Start, r.Within.End}, DryRun: dryRun,
		Viewers: y.Open() + y.Failed, Given: y.Given, Charging: y.Charging, Already: y.Already, Over: y.Over, Failed: y.Failed,
		Moved: nextChargesJSON{Moved: y.Moved.Count},
	}
	if dryRun {
		j.Given = 0
	}
	if y.Moved.Count > 0 {
		j.Moved.Before = &spanJSON{y.Moved.Before.Start, y.Moved.Before.End}
		j.Moved.After = &spanJSON{y.Moved.After.Start, y.Moved.After.End}
	}
	return j
}
