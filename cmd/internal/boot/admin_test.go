package boot_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestLoad_Admin(t *testing.T) {
	t.Parallel()
	cfg, err := boot.Load[boot.Admin]([]string{"BILLING_DATABASE_URL=postgres://db/billing"})
	if err != nil || cfg.AdminAddr != "127.0.0.1:8081" || cfg.OpsAddr != "127.0.0.1:9090" || cfg.Env != boot.Production || cfg.TrustedProxies != nil || cfg.TOTP != boot.FactorOptional {
		t.Errorf("defaults: %+v, %v", cfg, err)
	}
	cfg, err = boot.Load[boot.Admin]([]string{"BILLING_DATABASE_URL=postgres://db/billing", "BILLING_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.1,2001:db8::/32"})
	want := boot.Networks{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")}
	if diff := cmp.Diff(want, cfg.TrustedProxies, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("proxies: %v\n%s", err, diff)
	}
	for vars, want := range map[string]string{
		"BILLING_TRUSTED_PROXIES=my.proxy":                                `BILLING_TRUSTED_PROXIES="my.proxy" must be addresses`,
		"BILLING_ADMIN_ADDR=8081":                                         `BILLING_ADMIN_ADDR="8081" must be host:port`,
		"BILLING_ADMIN_ADDR=:9000 BILLING_OPS_ADDR=:9000":                 "choose different ports",
		"BILLING_CLOCK=test":                                              `BILLING_CLOCK="test" is refused`,
		"BILLING_PANEL_TOTP=maybe":                                        `BILLING_PANEL_TOTP="maybe" must be optional or required`,
		"BILLING_PANEL_TOTP=required":                                     "BILLING_PANEL_KEYSET_FILE is not set, but BILLING_PANEL_TOTP=required",
		"BILLING_PANEL_KEYSET_FILE=/nowhere/panel.json":                   "BILLING_PANEL_KEK_FILE is not set",
		"BILLING_ENV=dev BILLING_PANEL_KEYSET_FILE=/nowhere/panel.json":   `BILLING_PANEL_KEYSET_FILE="/nowhere/panel.json" cannot be used`,
		"BILLING_SIMULATOR=maybe":                                         `BILLING_SIMULATOR="maybe" must be on or off`,
		"BILLING_TRUSTED_PROXIES=10.0.0.0/99 BILLING_TIME_ZONE=Mars/Base": `BILLING_TIME_ZONE="Mars/Base" must be`,
	} {
		_, err := boot.Load[boot.Admin](append(strings.Fields(vars), "BILLING_DATABASE_URL=postgres://db/billing"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", vars, err, want)
		}
	}
}

func TestSystemCodes(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"simulator", "stripe", "yookassa"}, boot.PaymentSystemCodes(true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"stripe", "yookassa"}, boot.PaymentSystemCodes(false)); diff != "" {
		t.Errorf("without the simulator: %s", diff)
	}
}
