package boot_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

const secretURL = "postgres://billing:hunter2@db:5432/billing"

// environ returns a valid environment with the changes. An empty value removes the
// variable.
func environ(t *testing.T, changes ...string) []string {
	t.Helper()
	vars := map[string]string{
		"BILLING_DATABASE_URL":         secretURL,
		"BILLING_AUTH_PUBLIC_KEY_FILE": publicFile,
		"BILLING_AUTH_ISSUER":          "cinema-auth",
		"BILLING_AUTH_AUDIENCE":        "cinema-billing",
		"BILLING_VAULT_KEYSET_FILE":    keys.Keyset,
		"BILLING_VAULT_KEK_FILE":       keys.KEK,
	}
	for _, c := range changes {
		key, value, _ := strings.Cut(c, "=")
		vars[key] = value
	}
	var env []string
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, key+"="+vars[key])
	}
	return env
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func faults(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var config *boot.ConfigError
	if !errors.As(err, &config) {
		t.Fatalf("error is a %T, want a *ConfigError: %v", err, err)
	}
	if text := err.Error(); strings.Contains(text, "hunter2") {
		t.Errorf("the error shows the password: %s", text)
	}
	return config.Faults
}

func TestLoad_Defaults(t *testing.T) {
	t.Parallel()
	cfg, err := boot.Load[boot.API](environ(t, "BILLING_LOG_LEVEL="))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"env": cfg.Env, "api": cfg.APIAddr, "ops": cfg.OpsAddr, "zone": cfg.TimeZone.String(),
		"leeway": cfg.Leeway, "charge": time.Duration(cfg.ChargeTimeout), "sweep": time.Duration(cfg.SweepInterval),
		"level": cfg.LogLevel.String(), "format": cfg.LogFormat, "simulator": cfg.UseSimulator(cfg.Env),
		"grace": time.Duration(cfg.RenewalGrace), "url": cfg.DatabaseURL.Reveal(),
	}
	want := map[string]any{
		"env": boot.Production, "api": boot.Address(":8080"), "ops": boot.Address("127.0.0.1:9090"), "zone": "UTC",
		"leeway": 30 * time.Second, "charge": 10 * time.Second, "sweep": 5 * time.Second,
		"level": "INFO", "format": boot.LogJSON, "simulator": false,
		"grace": 24 * time.Hour, "url": secretURL,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestUseSimulator(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		changes []string
		want    bool
	}{
		"production":        {nil, false},
		"production, off":   {[]string{"BILLING_SIMULATOR=off"}, false},
		"dev":               {[]string{"BILLING_ENV=dev"}, true},
		"test":              {[]string{"BILLING_ENV=test"}, true},
		"dev, switched off": {[]string{"BILLING_ENV=dev", "BILLING_SIMULATOR=off"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := boot.Load[boot.API](environ(t, test.changes...))
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.UseSimulator(cfg.Env); got != test.want {
				t.Errorf("UseSimulator returns %v, want %v", got, test.want)
			}
		})
	}
}

// want holds the beginning of each fault: the variable and its value.
func TestLoad_Faults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		changes []string
		want    []string
	}{
		"unknown environment":    {[]string{"BILLING_ENV=prod"}, []string{`BILLING_ENV="prod" must be production, dev or test`}},
		"unknown log level":      {[]string{"BILLING_LOG_LEVEL=loud"}, []string{`BILLING_LOG_LEVEL="loud" must be`}},
		"unknown log format":     {[]string{"BILLING_LOG_FORMAT=xml"}, []string{`BILLING_LOG_FORMAT="xml" must be json or text`}},
		"unknown time zone":      {[]string{"BILLING_TIME_ZONE=Mars/Base"}, []string{`BILLING_TIME_ZONE="Mars/Base" must be an IANA`}},
		"zone of the machine":    {[]string{"BILLING_TIME_ZONE=Local"}, []string{`BILLING_TIME_ZONE="Local" must be an IANA`}},
		"test clock":             {[]string{"BILLING_CLOCK=test"}, []string{`BILLING_CLOCK="test" is refused with BILLING_ENV="production"`}},
		"odds above 1":           {[]string{"BILLING_ENV=test", "BILLING_SIMULATOR_MISHAPS=lose_answers=0.7,lose_requests=0.7"}, []string{`BILLING_SIMULATOR_MISHAPS="lose_answers=0.7,lose_requests=0.7" must be pairs such as`}},
		"lookup odds above 1":    {[]string{"BILLING_ENV=test", "BILLING_SIMULATOR_MISHAPS=lose_lookups=1.5"}, []string{`BILLING_SIMULATOR_MISHAPS="lose_lookups=1.5" must be pairs such as`}},
		"unknown fault":          {[]string{"BILLING_ENV=test", "BILLING_SIMULATOR_MISHAPS=fire=1"}, []string{`BILLING_SIMULATOR_MISHAPS="fire=1" must be pairs such as`}},
		"unknown clock":          {[]string{"BILLING_CLOCK=mine"}, []string{`BILLING_CLOCK="mine" must be system or test`}},
		"retries out of order":   {[]string{"BILLING_RETRY_SCHEDULE=3d,24h"}, []string{`BILLING_RETRY_SCHEDULE="3d,24h" must be durations`}},
		"no retries":             {[]string{"BILLING_RETRY_SCHEDULE=,"}, []string{`BILLING_RETRY_SCHEDULE="," must be durations`}},
		"no renewal grace":       {[]string{"BILLING_RENEWAL_GRACE=0s"}, []string{`BILLING_RENEWAL_GRACE="0s" must be a duration above zero`}},
		"test key in production": {[]string{"BILLING_STRIPE_SECRET_KEY=sk_test_canary", "BILLING_RETURN_URLS=https://cinema.example/"}, []string{`BILLING_STRIPE_SECRET_KEY is of a test account, which is refused with BILLING_ENV="production"`}},
		"live key in test": {[]string{"BILLING_ENV=test", "BILLING_YOOKASSA_SHOP_ID=1", "BILLING_YOOKASSA_SECRET_KEY=live_canary"},
			[]string{`BILLING_YOOKASSA_SECRET_KEY is of a live account, which is refused with BILLING_ENV="test"`}},
		"nowhere to return to":      {[]string{"BILLING_STRIPE_SECRET_KEY=sk_live_canary"}, []string{"BILLING_RETURN_URLS is not set: it must list the pages"}},
		"shop without a key":        {[]string{"BILLING_YOOKASSA_SHOP_ID=1"}, []string{"BILLING_YOOKASSA_SHOP_ID and BILLING_YOOKASSA_SECRET_KEY must both be set or neither"}},
		"webhook secret alone":      {[]string{"BILLING_STRIPE_WEBHOOK_SECRET=whsec_canary"}, []string{"BILLING_STRIPE_WEBHOOK_SECRET is set without BILLING_STRIPE_SECRET_KEY"}},
		"http to a payment system":  {[]string{"BILLING_STRIPE_API_URL=http://proxy.example"}, []string{`BILLING_STRIPE_API_URL="http://proxy.example" must be an https URL`}},
		"return address, no slash":  {[]string{"BILLING_RETURN_URLS=https://cinema.example"}, []string{`BILLING_RETURN_URLS="https://cinema.example" must be beginnings of addresses with a slash after the host`}},
		"return address, no scheme": {[]string{"BILLING_RETURN_URLS=cinema.example/"}, []string{`BILLING_RETURN_URLS="cinema.example/" must be`}},
		"production simulator":      {[]string{"BILLING_SIMULATOR=on"}, []string{`BILLING_SIMULATOR="on" is refused with BILLING_ENV="production"`}},
		"neither on nor off":        {[]string{"BILLING_SIMULATOR=yes"}, []string{`BILLING_SIMULATOR="yes" must be on or off`}},
		"address without a port":    {[]string{"BILLING_API_ADDR=localhost"}, []string{`BILLING_API_ADDR="localhost" must be host:port`}},
		"port too large":            {[]string{"BILLING_OPS_ADDR=:99999"}, []string{`BILLING_OPS_ADDR=":99999" must be host:port`}},
		"same address twice":        {[]string{"BILLING_OPS_ADDR=:8080"}, []string{`BILLING_API_ADDR and BILLING_OPS_ADDR are both ":8080"`}},
		"duration without unit":     {[]string{"BILLING_CHARGE_TIMEOUT=10"}, []string{`BILLING_CHARGE_TIMEOUT="10" must be a duration`}},
		"interval of zero":          {[]string{"BILLING_SWEEP_INTERVAL=0s"}, []string{`BILLING_SWEEP_INTERVAL="0s" must be a duration`}},
		"negative leeway":           {[]string{"BILLING_AUTH_LEEWAY=-1s"}, []string{`BILLING_AUTH_LEEWAY=-1s must be 0s to`}},
		"leeway too large":          {[]string{"BILLING_AUTH_LEEWAY=24h"}, []string{`BILLING_AUTH_LEEWAY=24h0m0s must be 0s to`}},

		"no key":            {[]string{"BILLING_AUTH_PUBLIC_KEY_FILE="}, []string{"BILLING_AUTH_PUBLIC_KEY_FILE and BILLING_AUTH_JWKS_URL are not set"}},
		"two kinds of keys": {[]string{"BILLING_AUTH_PUBLIC_KEY_FILE=x", "BILLING_AUTH_JWKS_URL=https://auth.example/keys"}, []string{`BILLING_AUTH_PUBLIC_KEY_FILE="x" and BILLING_AUTH_JWKS_URL="https://auth.example/keys" are both set`}},
		"key file missing":  {[]string{"BILLING_AUTH_PUBLIC_KEY_FILE=/no/such/file"}, []string{`BILLING_AUTH_PUBLIC_KEY_FILE="/no/such/file" cannot be used: no such file`}},
		"offline tokens":    {[]string{"BILLING_ENTITLEMENT_KEY_FILE=" + file(t, "key")}, []string{`BILLING_ENTITLEMENT_KEY_FILE="`}},
		"no such offline":   {[]string{"BILLING_ENTITLEMENT_KEY_FILE=/no/such/file"}, []string{`BILLING_ENTITLEMENT_KEY_FILE="/no/such/file" cannot be used: no such file`}},
		"private key":       {[]string{"BILLING_AUTH_PUBLIC_KEY_FILE=" + privateFile}, []string{`BILLING_AUTH_PUBLIC_KEY_FILE="` + privateFile + `" cannot be used: this is a private key`}},
		"keys without TLS":  {[]string{"BILLING_AUTH_PUBLIC_KEY_FILE=", "BILLING_AUTH_JWKS_URL=http://auth.example/keys"}, []string{`BILLING_AUTH_JWKS_URL="http://auth.example/keys" must be an https URL`}},

		"no keyset":        {[]string{"BILLING_VAULT_KEYSET_FILE="}, []string{"BILLING_VAULT_KEYSET_FILE is not set"}},
		"no KEK":           {[]string{"BILLING_VAULT_KEK_FILE="}, []string{"BILLING_VAULT_KEK_FILE is not set"}},
		"keyset missing":   {[]string{"BILLING_VAULT_KEYSET_FILE=/no/such/file"}, []string{`BILLING_VAULT_KEYSET_FILE="/no/such/file" cannot be used: keyset: open /no/such/file: no such file`}},
		"plaintext keyset": {[]string{"BILLING_VAULT_KEYSET_FILE=" + plaintextKeys.Keyset}, []string{`BILLING_VAULT_KEYSET_FILE="` + plaintextKeys.Keyset + `" cannot be used: keyset ` + plaintextKeys.Keyset + `: its keys are plaintext`}},
		"truncated keyset": {[]string{"BILLING_VAULT_KEYSET_FILE=" + file(t, `{"version": 1,`)}, []string{`BILLING_VAULT_KEYSET_FILE="`}},
		"one keyset twice": {[]string{"BILLING_TOKEN_KEYSET_FILE=" + keys.Keyset}, []string{`BILLING_TOKEN_KEYSET_FILE="` + keys.Keyset + `" and BILLING_VAULT_KEYSET_FILE name the same file`}},
		"no token keyset":  {[]string{"BILLING_TOKEN_KEYSET_FILE=/no/such/file"}, []string{`BILLING_TOKEN_KEYSET_FILE="/no/such/file" cannot be used: keyset: open /no/such/file: no such file`}},
		"negative limit":   {[]string{"BILLING_LIMIT_CARDS_PER_DAY=-1"}, []string{`BILLING_LIMIT_CARDS_PER_DAY="-1" must be a whole number`}},

		"no database":           {[]string{"BILLING_DATABASE_URL="}, []string{"BILLING_DATABASE_URL is not set"}},
		"not a database":        {[]string{"BILLING_DATABASE_URL=mysql://root:hunter2@db/billing"}, []string{"BILLING_DATABASE_URL must be a Postgres URL"}},
		"password with a slash": {[]string{"BILLING_DATABASE_URL=postgres://u:hunter2/x@db/billing"}, []string{"BILLING_DATABASE_URL must be a Postgres URL"}},
		"no database file":      {[]string{"BILLING_DATABASE_URL=", "BILLING_DATABASE_URL_FILE=/no/such/file"}, []string{`BILLING_DATABASE_URL_FILE="/no/such/file" cannot be read: no such file`}},
		"database twice":        {[]string{"BILLING_DATABASE_URL_FILE=" + file(t, secretURL)}, []string{"BILLING_DATABASE_URL and BILLING_DATABASE_URL_FILE are both set"}},
		"empty database file":   {[]string{"BILLING_DATABASE_URL=", "BILLING_DATABASE_URL_FILE=" + file(t, "\n")}, []string{"BILLING_DATABASE_URL is not set"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := boot.Load[boot.API](environ(t, test.changes...))
			got := faults(t, err)
			if len(got) != len(test.want) {
				t.Fatalf("%d faults, want %d: %q", len(got), len(test.want), got)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("fault %q, want %q…", got[i], want)
				}
			}
		})
	}
}

func TestLoad_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := boot.Load[boot.API]([]string{
		"BILLING_ENV=prod", "BILLING_LOG_LEVEL=loud", "BILLING_LOG_FORMAT=xml", "BILLING_TIME_ZONE=Mars",
		"BILLING_CLOCK=mine", "BILLING_RETRY_SCHEDULE=never", "BILLING_RENEWAL_GRACE=none", "BILLING_SIMULATOR_MISHAPS=fire", "BILLING_SIMULATOR=maybe", "BILLING_API_ADDR=here", "BILLING_CHARGE_TIMEOUT=soon",
	})
	text := strings.Join(faults(t, err), "\n")
	for _, variable := range []string{
		"BILLING_ENV", "BILLING_LOG_LEVEL", "BILLING_LOG_FORMAT", "BILLING_TIME_ZONE", "BILLING_CLOCK", "BILLING_RETRY_SCHEDULE", "BILLING_RENEWAL_GRACE", "BILLING_SIMULATOR_MISHAPS",
		"BILLING_SIMULATOR", "BILLING_API_ADDR", "BILLING_CHARGE_TIMEOUT", "BILLING_DATABASE_URL",
		"BILLING_AUTH_PUBLIC_KEY_FILE", "BILLING_AUTH_ISSUER", "BILLING_AUTH_AUDIENCE",
	} {
		if !strings.Contains(text, variable) {
			t.Errorf("no fault names %s:\n%s", variable, text)
		}
	}
}

func TestLoad_SecretFromFile(t *testing.T) {
	t.Parallel()
	cfg, err := boot.Load[boot.API](environ(t, "BILLING_DATABASE_URL=", "BILLING_DATABASE_URL_FILE="+file(t, secretURL+"\n")))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.DatabaseURL.Reveal(); got != secretURL {
		t.Errorf("database URL is %q, want %q", got, secretURL)
	}
}

func TestLoad_ValidValues(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"several hosts":      {"BILLING_DATABASE_URL=postgres://u:p@one:5432,two:5433/billing?target_session_attrs=read-write"},
		"socket":             {"BILLING_DATABASE_URL=postgres:///billing?host=/run/postgresql&user=billing"},
		"zone":               {"BILLING_TIME_ZONE=Europe/Moscow"},
		"grace in days":      {"BILLING_RENEWAL_GRACE=2d"},
		"JWKS":               {"BILLING_AUTH_PUBLIC_KEY_FILE=", "BILLING_AUTH_JWKS_URL=https://auth.example/keys"},
		"JWKS in dev":        {"BILLING_ENV=dev", "BILLING_AUTH_PUBLIC_KEY_FILE=", "BILLING_AUTH_JWKS_URL=http://127.0.0.1:1/keys"},
		"free ports":         {"BILLING_API_ADDR=127.0.0.1:0", "BILLING_OPS_ADDR=127.0.0.1:0"},
		"IPv6":               {"BILLING_API_ADDR=[::1]:8080"},
		"no vault in dev":    {"BILLING_ENV=dev", "BILLING_VAULT_KEYSET_FILE=", "BILLING_VAULT_KEK_FILE="},
		"plaintext keyset":   {"BILLING_ENV=dev", "BILLING_VAULT_KEYSET_FILE=" + plaintextKeys.Keyset, "BILLING_VAULT_KEK_FILE="},
		"no limits":          {"BILLING_LIMIT_CARDS_PER_DAY=0", "BILLING_LIMIT_DECLINES_PER_HOUR=0"},
		"unrelated variable": {"BILLING_ADMIN_ADDR=here", "BILLING_RETRY_SCHEDULE=24h"},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := boot.Load[boot.API](environ(t, changes...)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAddress_URL(t *testing.T) {
	t.Parallel()
	tests := map[boot.Address]string{
		":8080":          "http://localhost:8080",
		"0.0.0.0:8080":   "http://localhost:8080",
		"[::]:8080":      "http://localhost:8080",
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"[::1]:8080":     "http://[::1]:8080",
		"cinema:8080":    "http://cinema:8080",
	}
	for addr, want := range tests {
		if got := addr.URL(); got != want {
			t.Errorf("URL of %s is %s, want %s", addr, got, want)
		}
	}
}
