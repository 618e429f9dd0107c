package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

func (t *tool) plan() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List all plans, including archived ones", Args: cobra.NoArgs,
		RunE: t.action(t.planList),
	}
	archive := &cobra.Command{
		Use: "archive CODE", Short: "Take a plan off sale; existing subscriptions keep renewing", Args: cobra.ExactArgs(1),
		RunE: t.action(t.planArchive),
	}
	return group("plan", "Manage the catalogue of plans",
		t.withJSON(t.planAdd()), t.withJSON(list), t.withJSON(t.planSetPrice()), t.withJSON(archive))
}

func (t *tool) planAdd() *cobra.Command {
	var p billing.Plan
	var price, currency string
	cmd := &cobra.Command{
		Use: "add", Short: "Add a plan", Args: cobra.NoArgs,
		Example: "  billingctl plan add --code premium --name Premium --price 399.00 --currency RUB --feature hd --feature 4k",
		RunE: t.action(func(cmd *cobra.Command, _ []string) (err error) {
			if p.Price, err = billing.ParseMoney(price, billing.Currency(currency)); err != nil {
				return err
			}
			return t.changePlan(cmd, "added", func(c operators.Catalog) (billing.Plan, error) {
				return c.AddPlan(cmd.Context(), p)
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&p.Code, "code", "", "code for programs and links")
	f.StringVar(&p.Name, "name", "", "name that viewers see")
	f.StringVar(&price, "price", "", "price of one period, such as 399.00")
	f.StringVar(&currency, "currency", "", "ISO 4217 code, such as RUB")
	f.IntVar(&p.IntervalMonths, "interval-months", 1, "length of a period in months")
	f.StringArrayVar(&p.Features, "feature", nil, "feature that the plan includes; may be repeated")
	require(cmd, "code", "name", "price", "currency")
	return cmd
}

func require(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = cmd.MarkFlagRequired(flag) // fails only for an unknown flag
	}
}

func (t *tool) planSetPrice() *cobra.Command {
	var price, currency string
	cmd := &cobra.Command{
		Use: "set-price CODE", Short: "Change the price of a plan for new subscriptions",
		Long:    "Change the price of a plan for new subscriptions. Existing subscriptions keep the agreed price.",
		Example: "  billingctl plan set-price premium --price 449.00",
		Args:    cobra.ExactArgs(1),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			return t.changePlan(cmd, "repriced", func(c operators.Catalog) (billing.Plan, error) {
				return setPrice(cmd, c, args[0], price, currency)
			})
		}),
	}
	cmd.Flags().StringVar(&price, "price", "", "new price of one period, such as 449.00")
	cmd.Flags().StringVar(&currency, "currency", "", "ISO 4217 code (default: the plan's own)")
	require(cmd, "price")
	return cmd
}

func setPrice(cmd *cobra.Command, c operators.Catalog, ref, price, currency string) (billing.Plan, error) {
	if currency == "" {
		p, err := c.Plan(cmd.Context(), ref)
		if errors.Is(err, billing.ErrPlanNotFound) {
			err = billing.ErrPlanNotFound.WithMessage("there is no plan %s", ref)
		}
		if err != nil {
			return billing.Plan{}, err
		}
		currency = string(p.Price.Currency)
	}
	money, err := billing.ParseMoney(price, billing.Currency(currency))
	if err != nil {
		return billing.Plan{}, err
	}
	return c.SetPrice(cmd.Context(), ref, money)
}

func (t *tool) planArchive(cmd *cobra.Command, args []string) error {
	return t.changePlan(cmd, "archived", func(c operators.Catalog) (billing.Plan, error) {
		return c.ArchivePlan(cmd.Context(), args[0])
	})
}

// changePlan makes a change and prints the changed plan.
func (t *tool) changePlan(cmd *cobra.Command, done string, change func(operators.Catalog) (billing.Plan, error)) error {
	return t.withCatalog(cmd.Context(), func(c operators.Catalog) error {
		p, err := change(c)
		if err != nil {
			return err
		}
		return t.print(toPlanJSON(p), func() {
			t.printf("%s plan %s: %s, %s", done, p.Code, p.Name, p.Price)
		})
	})
}

func (t *tool) planList(cmd *cobra.Command, _ []string) error {
	return t.withCatalog(cmd.Context(), func(c operators.Catalog) error {
		plans, err := c.Plans(cmd.Context())
		if err != nil {
			return err
		}
		return t.print(mapped(plans, toPlanJSON), func() {
			t.table([]string{"CODE", "NAME", "PRICE", "MONTHS", "FEATURES", "ARCHIVED"}, mapped(plans, planRow))
		})
	})
}

func planRow(p billing.Plan) []string {
	return []string{
		p.Code, p.Name, p.Price.String(), strconv.Itoa(p.IntervalMonths),
		strings.Join(p.Features, ","), yesNo(!p.ArchivedAt.IsZero()),
	}
}
