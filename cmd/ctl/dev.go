package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/cmd/ctl/internal/dev"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// devConfig is the configuration of dev. All of it is optional.
type devConfig struct {
	Env         boot.Env         `env:"BILLING_ENV" envDefault:"dev" must:"be production, dev or test"`
	DatabaseURL boot.DatabaseURL `env:"BILLING_DATABASE_URL" must:"be a Postgres URL, or unset for a private Postgres"`
	APIAddr     boot.Address     `env:"BILLING_API_ADDR" envDefault:"127.0.0.1:8080" must:"be host:port or :port"`
	AdminAddr   boot.Address     `env:"BILLING_ADMIN_ADDR" envDefault:"127.0.0.1:8081" must:"be host:port or :port"`
	OpsAddr     boot.Address     `env:"BILLING_OPS_ADDR" envDefault:"127.0.0.1:9090" must:"be host:port or :port"`
}

type devFlags struct {
	data            string
	ephemeral       bool
	api, admin, ops string
}

func (t *tool) dev() *cobra.Command {
	var in devFlags
	cmd := &cobra.Command{
		Use: "dev", Short: "Run the complete service on this machine, without any setup",
		Long: "Run the complete service on this machine: a private Postgres, the schema, a demo catalogue, a demo login,\n" +
			"the API, the admin panel and renewals. It prints commands to try. Ctrl-C stops everything; the data is kept.\n\n" +
			"If BILLING_DATABASE_URL is set, it uses that database instead of a private Postgres.",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			var f faults
			f.exclusive(cmd, "ephemeral", "data")
			if err := f.err(); err != nil {
				return err
			}
			opts, err := t.devOptions(in)
			if err != nil {
				return err
			}
			return dev.Run(cmd.Context(), opts)
		}),
	}
	f := cmd.Flags()
	f.BoolVar(&in.ephemeral, "ephemeral", false, "keep the data in a temporary folder and remove it at the end")
	f.StringVar(&in.data, "data", "", "data folder (default: the system's folder for application data)")
	f.StringVar(&in.api, "api-addr", "", "listener of the API (default 127.0.0.1:8080)")
	f.StringVar(&in.admin, "admin-addr", "", "listener of the admin panel (default 127.0.0.1:8081)")
	f.StringVar(&in.ops, "ops-addr", "", "listener of /livez and /readyz (default 127.0.0.1:9090)")
	return cmd
}

func (t *tool) devOptions(in devFlags) (dev.Options, error) {
	cfg, err := boot.Load[devConfig](t.environ)
	if err != nil {
		return dev.Options{}, err
	}
	if cfg.Env == boot.Production {
		return dev.Options{}, &boot.ConfigError{Faults: []string{
			"BILLING_ENV=\"production\" is refused: dev adds demo data and simulated payments; unset the variable",
		}}
	}
	for flag, addr := range map[string]struct {
		text string
		into *boot.Address
	}{"--api-addr": {in.api, &cfg.APIAddr}, "--admin-addr": {in.admin, &cfg.AdminAddr}, "--ops-addr": {in.ops, &cfg.OpsAddr}} {
		if addr.text != "" && addr.into.UnmarshalText([]byte(addr.text)) != nil {
			return dev.Options{}, usageErrorf("%s %q must be host:port or :port", flag, addr.text)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return dev.Options{}, fmt.Errorf("find billing-api: %w", err)
	}
	return dev.Options{
		DatabaseURL: cfg.DatabaseURL, Data: in.data, Ephemeral: in.ephemeral,
		APIAddr: cfg.APIAddr, AdminAddr: cfg.AdminAddr, OpsAddr: cfg.OpsAddr,
		Environ: t.environ, Programs: filepath.Dir(self), Self: self,
		Stdout: t.stdout, Stderr: t.stderr,
	}, nil
}
