package main

import (
	"bufio"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) userErase() *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use: "erase SUBJECT|ID --reason TEXT [--yes]", Short: "Erase the personal data of a user for ever",
		Long: "Erase the subject, the display name, the contacts for receipts, the notes, and the numbers, holders and tokens of cards\n" +
			"and payment methods. The history, the payments and the receipts stay under the id of the user, because accounts must be\n" +
			"kept. Nothing can be restored.\n\n" +
			"A user with a subscription, or with a pending payment, refund or receipt, is refused. Erase the user at the auth service\n" +
			"first: the next request with a valid token stores the subject again.\n\n" +
			"The reason stays in the audit log, so it must not contain personal data.",
		Example: "  billingctl user erase 10591c91-240b-5746-ad84-3124280ab6ec --reason 'request 2026-118'",
		Args:    oneArg("the subject or the id of a user"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			f := flagFaults(cmd)
			f.addFields(cmd, billing.CheckReason(reason))
			if err := f.err(); err != nil {
				return err
			}
			cfg, err := boot.Load[catalogConfig](t.environ)
			if err != nil {
				return err
			}
			return t.withBillingClock(cmd.Context(), cfg.Database, cfg.Time, func(s *postgres.Store, now ports.Clock) error {
				u, err := t.findUser(cmd.Context(), s, now, args[0])
				if err != nil {
					return err
				}
				if mentions(reason, u.User) {
					return usageErrorf("--reason contains the subject or the name of the user, and would stay in the audit log")
				}
				if err := t.confirmErasure(cmd.InOrStdin(), u, yes); err != nil {
					return err
				}
				e := operators.Erasure{Store: s, Clock: now, NewID: boot.NewID, Forgetting: boot.ForgettingSystems(), By: t.operator()}
				erased, err := e.Erase(cmd.Context(), u.ID, reason)
				if err != nil {
					return err
				}
				return t.print(toErasedJSON(u.ID, erased), func() { t.printf("erased of user %s: %s", u.ID, erased) })
			})
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log; without personal data")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	require(cmd, "reason")
	return t.withJSON(cmd)
}

// shortestName is the length of the shortest name that a text is searched for. Shorter ones
// occur by chance.
const shortestName = 4

// mentions reports whether a text contains the subject or the display name of a user.
func mentions(text string, u billing.User) bool {
	for _, name := range []string{u.Subject, u.Display.Reveal()} {
		if len(name) >= shortestName && strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
			return true
		}
	}
	return false
}

// confirmErasure asks on a terminal. Elsewhere --yes is needed.
func (t *tool) confirmErasure(in io.Reader, u userDetails, yes bool) error {
	if yes {
		return nil
	}
	if _, ok := terminal(in); !ok {
		return usageErrorf("add --yes to erase the user without a question")
	}
	text, err := t.ask(bufio.NewReader(in), "Erase the personal data of user %s, subject %s, for ever? Type erase: ", u.ID, u.Subject)
	if err != nil {
		return err
	}
	if text != "erase" {
		return usageErrorf("%q is not erase; nothing was erased", text)
	}
	return nil
}

type erasedJSON struct {
	UserID         string `json:"user_id"`
	Subject        bool   `json:"subject"`
	Display        bool   `json:"display"`
	Contacts       int    `json:"contacts"`
	Notes          int    `json:"notes"`
	Cards          int    `json:"cards"`
	PaymentMethods int    `json:"payment_methods"`
}

func toErasedJSON(id billing.UserID, e billing.Erased) erasedJSON {
	return erasedJSON{string(id), e.Subject, e.Display, e.Contacts, e.Notes, e.Cards, e.Methods}
}
