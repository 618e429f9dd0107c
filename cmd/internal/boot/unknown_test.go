package boot_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		want    []string
	}{
		"variables of other programs": {[]string{"BILLING_API_ADDR=:1", "BILLING_ADMIN_ADDR=:2", "BILLING_RENEW_FLAGS=--json", "BILLING_LOG_LEVEL="}, nil},
		"secret in a file":            {[]string{"BILLING_DATABASE_URL_FILE=/x"}, nil},
		"foreign variables":           {[]string{"PATH=/bin", "BILLINGS=1"}, nil},
		"letters swapped": {
			[]string{"BILLING_DATABSE_URL=postgres://u:hunter2@db/billing"},
			[]string{"BILLING_DATABSE_URL is not a variable of this version and is ignored; did you mean BILLING_DATABASE_URL?"},
		},
		"file of something that is no secret": {
			[]string{"BILLING_ENV_FILE=/x"}, []string{"BILLING_ENV_FILE is not a variable of this version and is ignored"},
		},
		"several": {
			[]string{"BILLING_TIMEZONE=UTC", "BILLING_FUTURE_FEATURE=on"},
			[]string{
				"BILLING_FUTURE_FEATURE is not a variable of this version and is ignored",
				"BILLING_TIMEZONE is not a variable of this version and is ignored; did you mean BILLING_TIME_ZONE?",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, boot.UnknownVariables(test.environ)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// A misspelt variable is reported both when the program starts and when it cannot.
func TestRun_WarnsAboutUnknownVariables(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"program starts": environ(t, "BILLING_TIMEZONE=UTC"),
		"cannot start":   environ(t, "BILLING_TIMEZONE=UTC", "BILLING_DATABASE_URL="),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			boot.Run(boot.Program{Name: "billing-api"}, nil, environ, &out, &errs, func(boot.API, *slog.Logger) int { return boot.OK })
			if !strings.Contains(errs.String(), "did you mean BILLING_TIME_ZONE?") {
				t.Errorf("stderr is %q", errs.String())
			}
		})
	}
}
