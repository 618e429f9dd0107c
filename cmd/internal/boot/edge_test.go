package boot_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestEdge_Defaults(t *testing.T) {
	t.Parallel()
	type settings struct {
		user, address boot.Rate
		proxies       boot.Networks
		origins       boot.Origins
		delay         time.Duration
	}
	tests := map[string]struct {
		changes []string
		want    settings
	}{
		"production": {nil, settings{
			user: boot.Rate{Requests: 300, Per: time.Minute}, address: boot.Rate{Requests: 6000, Per: time.Minute},
			delay: 5 * time.Second,
		}},
		"dev":  {[]string{"BILLING_ENV=dev"}, settings{}},
		"test": {[]string{"BILLING_ENV=test"}, settings{}},
		"production, switched off": {
			[]string{"BILLING_RATE_USER=off", "BILLING_RATE_ADDRESS=off", "BILLING_SHUTDOWN_DELAY=0s"}, settings{},
		},
		"test, all set": {
			[]string{"BILLING_ENV=test", "BILLING_RATE_USER=10/s", "BILLING_RATE_ADDRESS=5000/h", "BILLING_SHUTDOWN_DELAY=1m"},
			settings{
				user: boot.Rate{Requests: 10, Per: time.Second}, address: boot.Rate{Requests: 5000, Per: time.Hour},
				delay: time.Minute,
			},
		},
		"proxies": {
			[]string{"BILLING_ENV=test", "BILLING_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,fd00::/8"},
			settings{proxies: boot.Networks{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("fd00::/8"),
			}},
		},
		"origins": {
			[]string{"BILLING_ENV=test", "BILLING_CORS_ORIGINS=https://cinema.example, http://localhost:5173 https://[::1]:8443"},
			settings{origins: boot.Origins{"https://cinema.example", "http://localhost:5173", "https://[::1]:8443"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := boot.Load[boot.API](environ(t, test.changes...))
			if err != nil {
				t.Fatal(err)
			}
			user, address := cfg.Rates(cfg.Env)
			got := settings{user, address, cfg.TrustedProxies, cfg.CORSOrigins, cfg.DrainDelay(cfg.Env)}
			opts := cmp.Options{
				cmp.AllowUnexported(settings{}), cmpopts.IgnoreUnexported(boot.Rate{}),
				cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty(),
			}
			if diff := cmp.Diff(test.want, got, opts); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEdge_InvalidValues(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		"BILLING_RATE_USER=300", "BILLING_RATE_USER=0/m", "BILLING_RATE_USER=-1/m", "BILLING_RATE_USER=1.5/m", "BILLING_RATE_USER=300/d",
		"BILLING_RATE_USER=300/", "BILLING_RATE_USER=/m", "BILLING_RATE_ADDRESS=9999999999/s", "BILLING_RATE_ADDRESS=on",
		"BILLING_TRUSTED_PROXIES=10.0.0.0/33", "BILLING_TRUSTED_PROXIES=proxy.example", "BILLING_TRUSTED_PROXIES=10.0.0.1,",
		"BILLING_CORS_ORIGINS=*", "BILLING_CORS_ORIGINS=cinema.example", "BILLING_CORS_ORIGINS=https://cinema.example/",
		"BILLING_CORS_ORIGINS=https://*.cinema.example", "BILLING_CORS_ORIGINS=https://Cinema.example", "BILLING_CORS_ORIGINS=https://кино.example",
		"BILLING_CORS_ORIGINS=https://cinema.example:443", "BILLING_CORS_ORIGINS=https://cinema.example:", "BILLING_CORS_ORIGINS=null",
		"BILLING_CORS_ORIGINS=ftp://cinema.example", "BILLING_CORS_ORIGINS=https://a@cinema.example", "BILLING_CORS_ORIGINS=https://a.example,https://",
		"BILLING_SHUTDOWN_DELAY=-1s", "BILLING_SHUTDOWN_DELAY=61s", "BILLING_SHUTDOWN_DELAY=5",
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			_, err := boot.Load[boot.API](environ(t, change))
			if got := faults(t, err); len(got) != 1 {
				t.Errorf("%d faults, want 1: %q", len(got), got)
			}
		})
	}
}
