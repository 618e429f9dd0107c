package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// exportTimes are the flags of the export commands.
type exportTimes struct {
	from, to string
	csv      bool
}

func (t *tool) export() *cobra.Command {
	return group("export", "Write payments, events or subscriptions as JSON lines or CSV",
		t.exportCommand("payments", "payments by the time of their creation", func(cmd *cobra.Command, x operators.Export, e exportSpan) error {
			f := ports.PaymentFilter{Since: e.from, Until: e.to}
			return writeRows(t, e, operators.PaymentColumns, func(each func(ports.PaymentRow) error) error {
				return x.Payments(cmd.Context(), f, operators.PaymentSpan(f, e.testClock), each)
			})
		}),
		t.exportCommand("events", "the events of the history by their time", func(cmd *cobra.Command, x operators.Export, e exportSpan) error {
			return writeRows(t, e, operators.EventColumns, func(each func(billing.Event) error) error {
				return x.Events(cmd.Context(), e.from, e.to, each)
			})
		}),
		t.exportCommand("subscriptions", "subscriptions by the time of their creation", func(cmd *cobra.Command, x operators.Export, e exportSpan) error {
			return writeRows(t, e, operators.SubscriptionColumns, func(each func(ports.SubscriptionRow) error) error {
				return x.Subscriptions(cmd.Context(), e.from, e.to, each)
			})
		}))
}

// exportSpan is the checked command line of an export.
type exportSpan struct {
	from, to  time.Time
	csv       bool
	testClock bool
}

func (t *tool) exportCommand(what, long string, write func(*cobra.Command, operators.Export, exportSpan) error) *cobra.Command {
	var in exportTimes
	cmd := &cobra.Command{
		Use: what, Short: "Write " + long, Args: noArgs,
		Long:    "Write " + long + ", from --from up to but without --to, the oldest first.\n\nEach line is a JSON object, or with --csv a line of CSV after a header. Amounts are in minor units.",
		Example: "  billingctl export " + what + " --from 2026-01-01 --to 2026-02-01 --csv > " + what + ".csv",
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			span := exportSpan{csv: in.csv}
			f := flagFaults(cmd)
			span.from = f.time("from", in.from)
			span.to = f.time("to", in.to)
			if len(f) == 0 && !span.from.Before(span.to) {
				f.addf("--from %s is not before --to %s", in.from, in.to)
			}
			if err := f.err(); err != nil {
				return err
			}
			cfg, err := boot.Load[catalogConfig](t.environ)
			if err != nil {
				return err
			}
			span.testClock = cfg.Clock == boot.TestClock
			return t.withStore(cmd.Context(), func(s *postgres.Store) error {
				return write(cmd, operators.Export{Views: s.ExportViews()}, span)
			})
		}),
	}
	cmd.Flags().StringVar(&in.from, "from", "", "first time, such as 2026-01-31T00:00:00Z or 2026-01-31")
	cmd.Flags().StringVar(&in.to, "to", "", "time at which to stop, in the same form")
	cmd.Flags().BoolVar(&in.csv, "csv", false, "write CSV instead of JSON lines")
	require(cmd, "from", "to")
	return cmd
}

// time parses the value of a flag that is a time or a date in UTC. It returns the zero time
// for a missing flag, which [flagFaults] reports.
func (f *faults) time(flag, value string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, value); err == nil {
			return at
		}
	}
	if value != "" {
		f.addf("--%s %q is not a time such as 2026-01-31T00:00:00Z or 2026-01-31", flag, value)
	}
	return time.Time{}
}

// writeRows writes what read passes to it.
func writeRows[T any](t *tool, e exportSpan, columns []operators.Column[T], read func(each func(T) error) error) error {
	w := operators.NewJSON(t.stdout, columns)
	if e.csv {
		w = operators.NewCSV(t.stdout, columns)
	}
	if err := read(w.Write); err != nil {
		return err
	}
	return w.Flush()
}
