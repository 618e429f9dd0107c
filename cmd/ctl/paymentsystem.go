package main

import (
	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

func (t *tool) paymentSystem() *cobra.Command {
	var ps billing.PaymentSystem
	add := &cobra.Command{
		Use: "add", Short: "Add a payment system", Args: cobra.NoArgs,
		Example: "  billingctl payment-system add --code simulator --name 'Simulated payments'",
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.changePaymentSystem(cmd, "added", func(c operators.Catalog) (billing.PaymentSystem, error) {
				return c.AddPaymentSystem(cmd.Context(), ps)
			})
		}),
	}
	add.Flags().StringVar(&ps.Code, "code", "", "code of the adapter")
	add.Flags().StringVar(&ps.Name, "name", "", "name that viewers see")
	require(add, "code", "name")
	list := &cobra.Command{
		Use: "list", Short: "List all payment systems, including archived ones", Args: cobra.NoArgs,
		RunE: t.action(t.paymentSystemList),
	}
	archive := &cobra.Command{
		Use: "archive CODE", Short: "Close a payment system for new subscriptions; existing ones keep renewing",
		Args: cobra.ExactArgs(1), RunE: t.action(t.paymentSystemArchive),
	}
	return group("payment-system", "Manage the registry of payment systems", t.withJSON(add), t.withJSON(list), t.withJSON(archive))
}

func (t *tool) paymentSystemArchive(cmd *cobra.Command, args []string) error {
	return t.changePaymentSystem(cmd, "archived", func(c operators.Catalog) (billing.PaymentSystem, error) {
		return c.ArchivePaymentSystem(cmd.Context(), args[0])
	})
}

// changePaymentSystem makes a change and prints the changed payment system.
func (t *tool) changePaymentSystem(cmd *cobra.Command, done string, change func(operators.Catalog) (billing.PaymentSystem, error)) error {
	return t.withCatalog(cmd.Context(), func(c operators.Catalog) error {
		ps, err := change(c)
		if err != nil {
			return err
		}
		return t.print(toPaymentSystemJSON(ps), func() {
			t.printf("%s payment system %s: %s", done, ps.Code, ps.Name)
		})
	})
}

func (t *tool) paymentSystemList(cmd *cobra.Command, _ []string) error {
	return t.withCatalog(cmd.Context(), func(c operators.Catalog) error {
		list, err := c.PaymentSystems(cmd.Context())
		if err != nil {
			return err
		}
		return t.print(mapped(list, toPaymentSystemJSON), func() {
			t.table([]string{"CODE", "NAME", "ARCHIVED"}, mapped(list, func(ps billing.PaymentSystem) []string {
				return []string{ps.Code, ps.Name, yesNo(!ps.ArchivedAt.IsZero())}
			}))
		})
	})
}
