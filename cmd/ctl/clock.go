package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/ports"
)

// clockConfig is the configuration of the clock commands.
type clockConfig struct {
	Env boot.Env `env:"BILLING_ENV" envDefault:"production" must:"be dev or test"`
	boot.Database
}

func (t *tool) clock() *cobra.Command {
	g := group("clock", "Show or set the test clock, in development", t.clockShow(), t.clockSet(), t.clockAdvance(), t.clockRelease())
	g.Long = "Show or set the clock that all programs with BILLING_CLOCK=test follow. BILLING_ENV=production refuses it.\n\n" +
		"A new test clock follows the wall clock. It affects billing, not authentication: tokens expire by the wall clock."
	return g
}

func (t *tool) clockShow() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "show", Short: "Show the time of the test clock", Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.withClock(cmd, func(context.Context, testClock) error { return nil })
		}),
	})
}

func (t *tool) clockSet() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "set TIME", Short: "Freeze the test clock at TIME, such as 2026-01-31T12:00:00Z", Args: oneArg("a time such as 2026-01-31T12:00:00Z"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			at, err := time.Parse(time.RFC3339, args[0])
			if err != nil {
				return usageErrorf("%q is not a time such as 2026-01-31T12:00:00Z", args[0])
			}
			return t.withClock(cmd, func(ctx context.Context, c testClock) error {
				return t.setClock(ctx, c, clockSet, at.UTC(), func() error { return c.Set(ctx, at.UTC()) })
			})
		}),
	})
}

func (t *tool) clockAdvance() *cobra.Command {
	var step bool
	cmd := &cobra.Command{
		Use: "advance DURATION", Short: "Advance the test clock by DURATION, such as 31d or 36h", Args: oneArg("a duration such as 31d or 36h"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			d, err := boot.ParseDuration(args[0])
			if err != nil || d <= 0 {
				return usageErrorf("%q is not a duration of more than zero, such as 31d or 36h", args[0])
			}
			reminding, err := boot.Load[boot.Reminding](t.environ)
			if err != nil {
				return err
			}
			return t.withClock(cmd, func(ctx context.Context, c testClock) error {
				target := c.before.Now.Add(d)
				if !step {
					return t.setClock(ctx, c, clockAdvanced, target, func() error { return c.Advance(ctx, d) })
				}
				if err := t.setClock(ctx, c, clockAdvanced, target, func() error { return nil }); err != nil {
					return err
				}
				return t.newStepper(c, reminding.Reminders()).to(ctx, target)
			})
		}),
	}
	cmd.Long = "Advance the test clock by DURATION, such as 31d or 36h. It stays ticking or frozen.\n\n" +
		"In one step, a long way is like an outage: each viewer pays once, and the periods in between are waived. With\n" +
		"--step, the clock stops at each moment at which a charge, a reminder or the end of a subscription is due, until a\n" +
		"renewal run has passed. BILLING_REMINDERS and BILLING_NOTICE_REQUIRED must be those of billing-renew."
	cmd.Example = "  billingctl clock advance 365d --step"
	cmd.Flags().BoolVar(&step, "step", false, "stop at each due moment until a renewal run has passed")
	return t.withJSON(cmd)
}

func (t *tool) clockRelease() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "release", Short: "Follow the wall clock again", Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.withClock(cmd, func(ctx context.Context, c testClock) error {
				return t.setClock(ctx, c, clockReleased, time.Time{}, func() error { return c.Release(ctx) })
			})
		}),
	})
}

type clockJSON struct {
	Now          time.Time `json:"now"`
	Stands       bool      `json:"stands"`
	AheadSeconds float64   `json:"ahead_seconds"`
}

// testClock is the test clock, and the store of the same database.
type testClock struct {
	*clock.Test
	store  *postgres.Store
	before clock.State
}

// setClock makes a change of the clock and audits it. The new time is after; zero for
// the wall clock.
func (t *tool) setClock(ctx context.Context, c testClock, action string, after time.Time, change func() error) error {
	e := t.entry(action, "test clock", ports.Facts{"time": formatTime(c.before.Now)}, ports.Facts{"time": formatTime(after)})
	return audited(ctx, c.store, e, change)
}

// withClock runs f with the clock and prints its new state.
func (t *tool) withClock(cmd *cobra.Command, f func(context.Context, testClock) error) error {
	cfg, err := boot.Load[clockConfig](t.environ)
	if err != nil {
		return err
	}
	if cfg.Env == boot.Production {
		return &boot.ConfigError{Faults: []string{
			"BILLING_ENV=\"production\" is refused: the test clock is for BILLING_ENV=dev and test",
		}}
	}
	pool, err := postgres.OpenRole(cmd.Context(), cfg.DatabaseURL.Reveal(), operatorRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	c := testClock{Test: clock.NewTest(pool), store: postgres.NewStore(pool)}
	if c.before, err = c.State(cmd.Context()); err != nil {
		return err
	}
	if err := f(cmd.Context(), c); err != nil {
		return err
	}
	s, err := c.State(cmd.Context())
	if err != nil {
		return err
	}
	return t.print(clockJSON{s.Now, s.Frozen, s.Ahead.Seconds()}, func() {
		state := "ticking"
		if s.Frozen {
			state = "frozen"
		}
		switch ahead := s.Ahead.Round(time.Second); {
		case ahead > 0:
			state += fmt.Sprintf(", %v ahead of the wall clock", ahead)
		case ahead < 0:
			state += fmt.Sprintf(", %v behind the wall clock", -ahead)
		}
		t.printf("%s  %s", s.Now.Format(time.RFC3339), state)
	})
}
