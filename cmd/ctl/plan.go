package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

func (t *tool) plan() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List all plans, including archived ones", Args: noArgs,
		RunE: t.action(t.planList),
	}
	archive := &cobra.Command{
		Use: "archive CODE", Short: "Take a plan off sale; existing subscriptions keep renewing", Args: oneArg("the code of a plan"),
		RunE: t.action(t.planArchive),
	}
	restore := &cobra.Command{
		Use: "restore CODE", Short: "Put an archived plan back on sale, with the price that it had, and take its end back", Args: oneArg("the code of a plan"),
		RunE: t.action(t.planRestore),
	}
	return group("plan", "Manage the catalogue of plans", t.withJSON(t.planAdd()), t.withJSON(list),
		t.withJSON(t.planSetPrice()), t.withJSON(t.planSetVAT()), t.withJSON(t.planSetGroup()), t.withJSON(archive), t.withJSON(t.planEnd()), t.withJSON(restore))
}

func (t *tool) planAdd() *cobra.Command {
	var in planFlags
	cmd := &cobra.Command{
		Use: "add", Short: "Add a plan", Args: noArgs,
		Example: "  billingctl plan add --code premium --name Premium --price 399.00 --currency RUB --feature hd --feature 4k",
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			p, err := in.check(cmd)
			if err != nil {
				return err
			}
			return t.changePlan(cmd, "added", func(c operators.Catalog) (billing.Plan, error) {
				return c.AddPlan(cmd.Context(), p)
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&in.plan.Code, "code", "", "code for programs and links")
	f.StringVar(&in.plan.Name, "name", "", "name that viewers see")
	f.StringVar(&in.price, "price", "", "price of one period, such as 399.00")
	f.StringVar(&in.currency, "currency", "", "ISO 4217 code, such as RUB")
	f.IntVar(&in.plan.IntervalMonths, "interval-months", 1, "length of a period in months; cannot change once the plan has subscribers")
	f.StringArrayVar(&in.plan.Features, "feature", nil, "feature that the plan includes; may be repeated")
	f.StringVar(&in.plan.Group, "group", billing.DefaultGroup, "group of the plan; a viewer has at most one live subscription to the plans of a group")
	f.StringVar((*string)(&in.plan.VAT), "vat", string(billing.NoVAT), "rate of value-added tax on receipts: "+vatWords())
	require(cmd, "code", "name", "price", "currency")
	return cmd
}

// planFlags are the flags of plan add.
type planFlags struct {
	plan            billing.Plan
	price, currency string
}

// check returns the plan, or a [usageError] with everything that is wrong with it.
func (in planFlags) check(cmd *cobra.Command) (billing.Plan, error) {
	f := flagFaults(cmd)
	p, before, reported := in.plan, len(f), "price"
	if cmd.Flags().Changed("price") && cmd.Flags().Changed("currency") {
		if p.Price = f.price(in.price, in.currency); len(f) == before {
			reported = ""
		}
	}
	f.addFields(cmd, p.Check(), reported)
	return p, f.err()
}

// price parses an amount in a currency. It adds the faults of both.
func (f *faults) price(amount, currency string) billing.Money {
	const mostDigits = "KWD" // accepts every number of digits that some currency has
	if _, known := billing.Currency(currency).Digits(); !known {
		_, err := billing.ParseMoney("1", billing.Currency(currency))
		f.add(err)
		currency = mostDigits
	}
	m, err := billing.ParseMoney(amount, billing.Currency(currency))
	f.add(err)
	return m
}

func (t *tool) planSetPrice() *cobra.Command {
	var price, currency string
	cmd := &cobra.Command{
		Use: "set-price CODE", Short: "Change the price of a plan for new subscriptions",
		Long:    "Change the price of a plan for new subscriptions. Existing subscriptions keep the agreed price.",
		Example: "  billingctl plan set-price premium --price 449.00",
		Args:    oneArg("the code of a plan"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			f := flagFaults(cmd)
			if cmd.Flags().Changed("price") && cmd.Flags().Changed("currency") {
				f.price(price, currency)
			}
			if err := f.err(); err != nil {
				return err
			}
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

func (t *tool) planSetVAT() *cobra.Command {
	return &cobra.Command{
		Use: "set-vat CODE VAT", Short: "Change the rate of value-added tax on receipts of new payments for a plan",
		Long: "Change the rate of value-added tax on receipts of new payments for a plan. Receipts of payments that are stored\n" +
			"keep their rate. The rates are " + vatWords() + ".",
		Example: "  billingctl plan set-vat premium vat22",
		Args:    twoArgs("the code of a plan", "a rate"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			var f faults
			v := billing.VAT(args[1])
			_, err := billing.Plan{}.Tax(v, time.Time{})
			if f.addFields(cmd, err); f.err() != nil {
				return f.err()
			}
			return t.withCatalog(cmd.Context(), func(c operators.Catalog) error {
				p, err := c.SetVAT(cmd.Context(), args[0], v)
				if err != nil {
					return err
				}
				return t.print(toPlanJSON(p), func() { t.printf("plan %s has the VAT %s on receipts of new payments", p.Code, p.VAT) })
			})
		}),
	}
}

// vatWords lists the rates.
func vatWords() string {
	return strings.Join(mapped(billing.VATs(), func(v billing.VAT) string { return string(v) }), ", ")
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

func (t *tool) planSetGroup() *cobra.Command {
	return &cobra.Command{
		Use: "set-group CODE GROUP", Short: "Move a plan to another group",
		Long: `Move a plan to another group. A viewer has at most one live subscription to the
plans of a group. All plans are in the group main unless you choose another one, so
put an add-on into a group of its own.

The command changes nothing if viewers would have two live subscriptions in the group.
Orders wait while it looks for them. If it is interrupted, repeat it.`,
		Example: "  billingctl plan set-group sport add-ons",
		Args:    twoArgs("the code of a plan", "a group"),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			var f faults
			_, err := billing.Plan{}.Regroup(args[1], time.Time{})
			if f.addFields(cmd, err); f.err() != nil {
				return f.err()
			}
			return t.withCatalog(cmd.Context(), func(c operators.Catalog) error {
				p, err := c.SetGroup(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				return t.print(toPlanJSON(p), func() { t.printf("moved plan %s to group %s", p.Code, p.Group) })
			})
		}),
	}
}

func (t *tool) planArchive(cmd *cobra.Command, args []string) error {
	return t.changePlan(cmd, "archived", func(c operators.Catalog) (billing.Plan, error) {
		return c.ArchivePlan(cmd.Context(), args[0])
	})
}

func (t *tool) planRestore(cmd *cobra.Command, args []string) error {
	return t.changePlan(cmd, "restored", func(c operators.Catalog) (billing.Plan, error) {
		return c.RestorePlan(cmd.Context(), args[0])
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
			t.table([]string{"CODE", "NAME", "PRICE", "MONTHS", "VAT", "GROUP", "FEATURES", "ARCHIVED", "ENDING"}, mapped(plans, planRow))
		})
	})
}

func planRow(p billing.Plan) []string {
	return []string{
		p.Code, p.Name, p.Price.String(), strconv.Itoa(p.IntervalMonths), string(p.VAT), p.Group,
		strings.Join(p.Features, ","), yesNo(!p.ArchivedAt.IsZero()), yesNo(!p.EndingAt.IsZero()),
	}
}
