package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// clockConfig is what the environment says about the test clock.
type clockConfig struct {
	Env boot.Env `env:"BILLING_ENV" envDefault:"production" must:"be dev or test"`
	boot.Database
}

func (t *tool) clock() *cobra.Command {
	g := group("clock", "Set the test clock, in development", t.clockShow(), t.clockSet(), t.clockAdvance(), t.clockRelease())
	g.Long = "Set the clock that all programs with BILLING_CLOCK=test go by. It is refused with BILLING_ENV=production.\n\n" +
		"Fresh, it ticks with the wall clock. It moves billing, not authentication: tokens are judged by the wall clock."
	return g
}

func (t *tool) clockShow() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "show", Short: "Show what time it is for billing", Args: cobra.NoArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.setClock(cmd, func(context.Context, *clock.Test) error { return nil })
		}),
	})
}

func (t *tool) clockSet() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "set TIME", Short: "Make it stand still at a time, such as 2026-01-31T12:00:00Z", Args: cobra.ExactArgs(1),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			at, err := time.Parse(time.RFC3339, args[0])
			if err != nil {
				return misused("%q is not a time such as 2026-01-31T12:00:00Z", args[0])
			}
			return t.setClock(cmd, func(ctx context.Context, c *clock.Test) error { return c.Set(ctx, at.UTC()) })
		}),
	})
}

func (t *tool) clockAdvance() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "advance DURATION", Short: "Move it on, such as 31d or 36h; it goes on ticking or standing", Args: cobra.ExactArgs(1),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			d, err := boot.ParseDuration(args[0])
			if err != nil || d <= 0 {
				return misused("%q is not a duration of more than zero, such as 31d or 36h", args[0])
			}
			return t.setClock(cmd, func(ctx context.Context, c *clock.Test) error { return c.Advance(ctx, d) })
		}),
	})
}

func (t *tool) clockRelease() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "release", Short: "Let it go with the wall clock again", Args: cobra.NoArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.setClock(cmd, func(ctx context.Context, c *clock.Test) error { return c.Release(ctx) })
		}),
	})
}

type clockJSON struct {
	Now          time.Time `json:"now"`
	Stands       bool      `json:"stands"`
	AheadSeconds float64   `json:"ahead_seconds"`
}

// setClock changes the clock and shows it.
func (t *tool) setClock(cmd *cobra.Command, change func(context.Context, *clock.Test) error) error {
	cfg, err := boot.Load[clockConfig](t.environ)
	if err != nil {
		return err
	}
	if cfg.Env == boot.Production {
		return &boot.ConfigError{Faults: []string{
			"BILLING_ENV=\"production\" is refused: the test clock is for dev and test; set BILLING_ENV to one of them",
		}}
	}
	pool, err := postgres.OpenRole(cmd.Context(), cfg.DatabaseURL.Reveal(), ownRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	c := clock.NewTest(pool)
	if err := change(cmd.Context(), c); err != nil {
		return err
	}
	s, err := c.State(cmd.Context())
	if err != nil {
		return err
	}
	return t.print(clockJSON{s.Now, s.Stands, s.Ahead.Seconds()}, func() {
		how := "ticks"
		if s.Stands {
			how = "stands still"
		}
		switch ahead := s.Ahead.Round(time.Second); {
		case ahead > 0:
			how += fmt.Sprintf(", %v ahead of the wall clock", ahead)
		case ahead < 0:
			how += fmt.Sprintf(", %v behind the wall clock", -ahead)
		}
		t.say("%s  %s", s.Now.Format(time.RFC3339), how)
	})
}
