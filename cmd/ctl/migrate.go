package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

func (t *tool) migrate() *cobra.Command {
	up := &cobra.Command{
		Use: "up", Short: "Apply all pending migrations",
		Long: "Apply all pending migrations. Several processes may run it at the same time: one applies them, the others wait.\n" +
			"The login of BILLING_DATABASE_URL must own the schema. The first run also needs the right to create roles.\n\n" +
			"The simulated payment system has its own migrations. They run only if it may be used: with BILLING_ENV=dev\n" +
			"or test, unless BILLING_SIMULATOR=off.",
		Args: noArgs, RunE: t.action(t.migrateUp),
	}
	status := &cobra.Command{
		Use: "status", Short: "List the migrations and whether they are applied",
		Args: noArgs, RunE: t.action(t.migrateStatus),
	}
	return group("migrate", "Apply or list schema migrations", t.withJSON(up), t.withJSON(status))
}

// migrateConfig is the configuration of the migrate commands.
type migrateConfig struct {
	Env boot.Env `env:"BILLING_ENV" envDefault:"production" must:"be production, dev or test"`
	boot.Database
	boot.Simulation
}

type migratedJSON struct {
	Applied []string `json:"applied"`
}

func (t *tool) migrateUp(cmd *cobra.Command, _ []string) error {
	cfg, err := boot.Load[migrateConfig](t.environ)
	if err != nil {
		return err
	}
	names, err := postgres.Migrate(cmd.Context(), cfg.DatabaseURL.Reveal(), warningLog(t.stderr), cfg.MigrationSets(cfg.Env)...)
	if err != nil {
		return err
	}
	return t.print(migratedJSON{append([]string{}, names...)}, func() {
		for _, name := range names {
			t.printf("applied %s", name)
		}
		if len(names) == 0 {
			t.printf("the schema is current")
		}
	})
}

type migrationJSON struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

func (t *tool) migrateStatus(cmd *cobra.Command, _ []string) error {
	cfg, err := boot.Load[migrateConfig](t.environ)
	if err != nil {
		return err
	}
	list, err := postgres.Migrations(cmd.Context(), cfg.DatabaseURL.Reveal(), cfg.MigrationSets(cfg.Env)...)
	if err != nil {
		return err
	}
	steps := mapped(list, func(m postgres.Migration) migrationJSON { return migrationJSON(m) })
	return t.print(steps, func() {
		t.table([]string{"VERSION", "NAME", "APPLIED"}, mapped(list, func(m postgres.Migration) []string {
			return []string{strconv.FormatInt(m.Version, 10), m.Name, yesNo(m.Applied)}
		}))
	})
}
