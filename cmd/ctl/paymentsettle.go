package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) paymentSettle() *cobra.Command {
	var as, reason string
	cmd := &cobra.Command{
		Use:   "settle ID|PROVIDER_REF|REFUND_ID --as succeeded|declined|abandoned --reason TEXT",
		Short: "Settle a pending payment or refund whose outcome no lookup finds",
		Long: "Settle a pending payment as you have found out at the payment system, for example from its own panel:\n\n" +
			"  succeeded  it took exactly the amount of the payment\n" +
			"  declined   it refused; a renewal is retried on schedule\n" +
			"  abandoned  it took no money; a renewal is due again at once, as a new payment\n\n" +
			"A refund that waits for a person is settled in the same way: succeeded means that the money went back.\n\n" +
			"Nothing is sent to the payment system. The decision and its reason get into the audit log. If a lookup reports\n" +
			"another outcome later, the payment is contradicted, and an alert fires.",
		Example: "  billingctl payment settle 01a20ad7-07a3-74ec-b8cf-da68fb05228a --as succeeded --reason 'paid 399.00, ticket 4711'",
		Args:    oneArg("the id of a payment or a refund, or the provider's reference of a payment"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			d := operators.Decision{As: billing.PaymentStatus(as), Reason: reason}
			f := flagFaults(cmd)
			f.addFields(cmd, d.Check())
			if err := f.err(); err != nil {
				return err
			}
			return t.settlePayment(cmd, args[0], d)
		}),
	}
	cmd.Flags().StringVar(&as, "as", "", "outcome: succeeded, declined or abandoned")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	require(cmd, "as", "reason")
	return t.withJSON(cmd)
}

// settleConfig is the configuration of commands that settle or refund payments. The retries
// and the time zone must be those of the other programs.
type settleConfig struct {
	boot.Database
	boot.Rules
}

// payments decides about payments and refunds. It calls no payment system.
func (t *tool) payments(cfg settleConfig, s *postgres.Store, now ports.Clock) operators.Payments {
	return operators.Payments{
		Collector: boot.NewCollector(cfg.Rules, boot.Charging{}, s, now, nil, slog.New(slog.DiscardHandler)), By: t.operator(),
	}
}

func (t *tool) settlePayment(cmd *cobra.Command, ref string, d operators.Decision) error {
	cfg, err := boot.Load[settleConfig](t.environ)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	return t.withBillingClock(ctx, cfg.Database, cfg.Time, func(s *postgres.Store, now ports.Clock) error {
		uc := t.payments(cfg, s, now)
		refund, ok, err := findRefund(ctx, s, ref)
		if err != nil {
			return err
		}
		if ok {
			return t.settleRefund(ctx, uc, refund, d)
		}
		seen, err := findPayment(ctx, s, ref)
		if err != nil {
			return err
		}
		d.Payment = seen.Payment
		if _, err := uc.Settle(ctx, d); err != nil {
			return err
		}
		settled, err := s.Story(ctx, seen.ID)
		if err != nil {
			return err
		}
		return t.print(toPaymentJSON(settled), func() { t.showPayment(settled) })
	})
}

func (t *tool) settleRefund(ctx context.Context, uc operators.Payments, r billing.Refund, d operators.Decision) error {
	settled, err := uc.SettleRefund(ctx, r, d.As, d.Reason)
	if err != nil {
		return err
	}
	return t.print(toRefundJSON(settled), func() { t.printf("refund %s of %s is %s", settled.ID, settled.Amount, settled.Status) })
}
