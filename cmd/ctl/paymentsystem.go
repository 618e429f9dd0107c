package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) paymentSystem() *cobra.Command {
	var ps billing.PaymentSystem
	var force bool
	add := &cobra.Command{
		Use: "add", Short: "Add a payment system", Args: noArgs,
		Long: "Add a payment system. Its code must be that of an adapter of this version, because without one nothing can be\n" +
			"charged. With --force you can add it before you install the version with its adapter.",
		Example: "  billingctl payment-system add --code simulator --name 'Simulated payments'",
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			f := flagFaults(cmd)
			f.addFields(cmd, ps.Check())
			if len(f) == 0 && !force {
				f.add(t.checkAdapter(ps.Code))
			}
			if err := f.err(); err != nil {
				return err
			}
			return t.changePaymentSystem(cmd, "added", func(c operators.Catalog) (billing.PaymentSystem, error) {
				return c.AddPaymentSystem(cmd.Context(), ps)
			})
		}),
	}
	add.Flags().StringVar(&ps.Code, "code", "", "code of the adapter")
	add.Flags().StringVar(&ps.Name, "name", "", "name that viewers see")
	add.Flags().BoolVar(&force, "force", false, "add it although this version has no adapter for its code")
	require(add, "code", "name")
	list := &cobra.Command{
		Use: "list", Short: "List all payment systems, including archived ones", Args: noArgs,
		RunE: t.action(t.paymentSystemList),
	}
	archive := &cobra.Command{
		Use: "archive CODE", Short: "Close a payment system for new subscriptions; existing ones keep renewing",
		Args: oneArg("the code of a payment system"), RunE: t.action(t.paymentSystemArchive),
	}
	restore := &cobra.Command{
		Use: "restore CODE", Short: "Open an archived payment system for new subscriptions",
		Args: oneArg("the code of a payment system"), RunE: t.action(t.paymentSystemRestore),
	}
	check := &cobra.Command{
		Use: "check CODE", Short: "Test the credentials and the connection of a payment system; no money moves",
		Args: oneArg("the code of a payment system"), RunE: t.action(t.paymentSystemCheck),
	}
	return group("payment-system", "Manage the registry of payment systems", t.withJSON(add), t.withJSON(list), t.withJSON(archive), t.withJSON(restore), check)
}

// checkAdapter returns an error if this version has no adapter for code. It warns if
// the adapter is the simulator, and the environment does not allow that.
func (t *tool) checkAdapter(code string) error {
	cfg, err := boot.Load[adapterConfig](t.environ)
	if err != nil {
		return err
	}
	known := boot.PaymentSystemCodes(true)
	if !slices.Contains(known, code) {
		return fmt.Errorf("payment system %s has no adapter in this version, so nothing could be charged; "+
			"it has adapters for: %s; --force adds it anyway", code, strings.Join(known, ", "))
	}
	if !slices.Contains(boot.PaymentSystemCodes(cfg.UseSimulator(cfg.Env)), code) {
		t.errorf("warning: %s is off with BILLING_ENV=%s, so viewers cannot pay with it there", code, cfg.Env)
	}
	return nil
}

// adapterConfig decides which adapters may be used.
type adapterConfig struct {
	Env boot.Env `env:"BILLING_ENV" envDefault:"production" must:"be production, dev or test"`
	boot.Simulation
	boot.Accounts
}

func (t *tool) paymentSystemCheck(cmd *cobra.Command, args []string) error {
	code := args[0]
	cfg, err := boot.Load[adapterConfig](t.environ)
	if err != nil {
		return err
	}
	if err := cfg.Accounts.Check(cfg.Env); err != nil {
		return err
	}
	provider, closeProvider, err := t.openPaymentSystem(cmd.Context(), code)
	if err != nil {
		return err
	}
	defer closeProvider()
	prober, ok := provider.(ports.Prober)
	if !ok {
		return fmt.Errorf("payment system %s has no test", code)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), checkTimeout)
	defer cancel()
	err = prober.Probe(ctx)
	switch {
	case errors.Is(err, ports.ErrCredentials):
		return fmt.Errorf("payment system %s refuses the keys of this environment; check that they are current, of the right mode, and have the necessary permissions: %w", code, err)
	case err != nil:
		return fmt.Errorf("payment system %s cannot be used: %w", code, err)
	}
	t.printf("payment system %s responds and accepts the credentials", code)
	return nil
}

// openPaymentSystem opens the adapter of a payment system with the keys of the environment.
func (t *tool) openPaymentSystem(ctx context.Context, code string) (ports.Provider, func(), error) {
	url, err := t.url()
	if err != nil {
		return nil, nil, err
	}
	cfg, err := boot.Load[adapterConfig](t.environ)
	if err != nil {
		return nil, nil, err
	}
	return boot.OpenPaymentSystem(ctx, url, cfg.Accounts, code)
}

// checkTimeout is how long a payment system has to respond to a check.
const checkTimeout = 30 * time.Second

func (t *tool) paymentSystemArchive(cmd *cobra.Command, args []string) error {
	return t.changePaymentSystem(cmd, "archived", func(c operators.Catalog) (billing.PaymentSystem, error) {
		return c.ArchivePaymentSystem(cmd.Context(), args[0])
	})
}

func (t *tool) paymentSystemRestore(cmd *cobra.Command, args []string) error {
	return t.changePaymentSystem(cmd, "restored", func(c operators.Catalog) (billing.PaymentSystem, error) {
		return c.RestorePaymentSystem(cmd.Context(), args[0])
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
