package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refundFlags are the flags of payment refund.
type refundFlags struct {
	amount, reason  string
	endNow          bool
	amountGiven     bool
	accessRequested bool // one of --end-now and --keep-access was given
}

func (t *tool) paymentRefund() *cobra.Command {
	var in refundFlags
	cmd := &cobra.Command{
		Use:   "refund ID|PROVIDER_REF [--amount 100.00] [--end-now|--keep-access] --reason TEXT",
		Short: "Pay a payment back, whole or in part",
		Long: "Pay a payment back, whole or in part. The refund is stored, and the API sends it to the payment system within\n" +
			"seconds. A payment can have one pending refund, and its refunds never exceed it.\n\n" +
			"  --keep-access  the viewer may watch until the paid period ends, and the subscription renews (the default)\n" +
			"  --end-now      the subscription ends at once; a renewal under way is settled first, and refunded if it was paid\n\n" +
			"On a terminal without one of these flags, the command asks. It proposes the amount for the unused days.",
		Example: "  billingctl payment refund 01a20ad7-07a3-74ec-b8cf-da68fb05228a --amount 100.00 --reason 'ticket 4711'",
		Args:    oneArg("the id of a payment, or the provider's reference"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			f := flagFaults(cmd)
			f.exclusive(cmd, "end-now", "keep-access")
			f.addFields(cmd, billing.RefundRequest{Reason: in.reason}.Check())
			in.amountGiven = cmd.Flags().Changed("amount")
			in.accessRequested = cmd.Flags().Changed("end-now") || cmd.Flags().Changed("keep-access")
			if err := f.err(); err != nil {
				return err
			}
			return t.refundPayment(cmd, args[0], in)
		}),
	}
	cmd.Flags().StringVar(&in.amount, "amount", "", "amount in the currency of the payment, such as 100.00 (default: everything that is not refunded yet)")
	cmd.Flags().BoolVar(&in.endNow, "end-now", false, "end the subscription at once")
	cmd.Flags().Bool("keep-access", false, "leave the subscription as it is")
	cmd.Flags().StringVar(&in.reason, "reason", "", "why, for the audit log and the viewer's page in the panel")
	require(cmd, "reason")
	return t.withJSON(cmd)
}

func (t *tool) refundPayment(cmd *cobra.Command, ref string, in refundFlags) error {
	cfg, err := boot.Load[settleConfig](t.environ)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	return t.withBillingClock(ctx, cfg.Database, cfg.Time, func(s *postgres.Store, now ports.Clock) error {
		seen, err := findPayment(ctx, s, ref)
		if err != nil {
			return err
		}
		r := billing.RefundRequest{Payment: seen.Payment, EndNow: in.endNow, Reason: in.reason}
		if in.amountGiven {
			if r.Amount, err = billing.ParseMoney(in.amount, seen.Amount.Currency); err != nil {
				return usageErrorf("--amount: %v", err)
			}
		}
		if err := t.askAccess(cmd.InOrStdin(), seen.Payment, seen.Unused(cfg.TimeZone.Calendar(), now.Now()), in, &r); err != nil {
			return err
		}
		refund, err := t.payments(cfg, s, now).Refund(ctx, r)
		if err != nil {
			return err
		}
		return t.print(toRefundJSON(refund), func() {
			t.printf("refund %s of %s is stored; the API sends it within seconds", refund.ID, refund.Amount)
		})
	})
}

// askAccess completes the request on a terminal.
func (t *tool) askAccess(in io.Reader, p billing.Payment, unused billing.Money, flags refundFlags, r *billing.RefundRequest) error {
	if _, ok := terminal(in); !ok || flags.accessRequested {
		return nil
	}
	answers := bufio.NewReader(in)
	if !flags.amountGiven {
		text, err := t.ask(answers, "Of %s, %s can be refunded. The unused days are worth %s. Amount [%s]: ", p.Amount, p.Refundable(), unused, p.Refundable().Decimal())
		if err != nil {
			return err
		}
		if text != "" {
			if r.Amount, err = billing.ParseMoney(text, p.Amount.Currency); err != nil {
				return usageErrorf("amount: %v", err)
			}
		}
	}
	text, err := t.ask(answers, "Type end to end the subscription now, or press Enter to keep the access: ")
	switch {
	case err != nil:
		return err
	case text != "" && text != "end":
		return usageErrorf("%q is neither end nor empty; nothing was refunded", text)
	}
	r.EndNow = text == "end"
	return nil
}

// ask asks a question on standard error, and returns the answer without spaces around it.
func (t *tool) ask(in *bufio.Reader, question string, args ...any) (string, error) {
	_, _ = fmt.Fprintf(t.stderr, question, args...)
	line, err := in.ReadString('\n')
	if err != nil {
		return "", usageErrorf("no answer; nothing was changed")
	}
	return strings.TrimSpace(line), nil
}

// findRefund returns the refund with this id, and false if there is none.
func findRefund(ctx context.Context, s *postgres.Store, id string) (billing.Refund, bool, error) {
	if !billing.IsID(strings.ToLower(id)) {
		return billing.Refund{}, false, nil
	}
	return s.RefundByID(ctx, billing.RefundID(strings.ToLower(id)))
}
