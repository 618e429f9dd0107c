package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// One attempt reports everything that is wrong: missing flags, values that cannot be
// parsed, and values that the rules refuse.
func TestRun_ReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want []string
	}{
		"plan add": {
			[]string{"plan", "add", "--code", "A B", "--price", "cheap", "--currency", "rub", "--interval-months", "40"},
			[]string{
				"--name is not set: name that viewers see",
				`currency "rub" is not an ISO 4217 code in capitals, such as RUB`,
				`amount "cheap" is not a decimal number such as 399.00`,
				"code must be 1 to 63 lower-case letters, digits, - or _, and not look like an id",
				"interval_months must be 1 to 36",
			},
		},
		"plan set-price": {
			[]string{"plan", "set-price", "gold", "--price", "1.2345", "--currency", "rub"},
			[]string{
				`currency "rub" is not an ISO 4217 code in capitals, such as RUB`,
				`amount "1.2345" has more than the 3 decimal digits of KWD`,
			},
		},
		"payment-system add": {
			[]string{"payment-system", "add", "--code", "A B"},
			[]string{
				"--name is not set: name that viewers see",
				"code must be 1 to 63 lower-case letters, digits, - or _, and not look like an id",
			},
		},
		"admin-user add": {
			[]string{"admin-user", "add", "--role", "owner"},
			[]string{
				"give the name of one user, not of 0: billingctl admin-user add NAME --role viewer|support|editor",
				`--role "owner" must be viewer, support or editor`,
			},
		},
		"reconcile": {
			[]string{"reconcile", "--since", "yesterday"},
			[]string{
				"--payment-system is not set: code of the payment system",
				`--since "yesterday" is not a time such as 2026-01-31T00:00:00Z or 2026-01-31, or a duration such as 7d`,
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stderr := cli{}.run(t, boot.Misused, test.args...)
			var got []string
			for line := range strings.Lines(stderr) {
				if fault, ok := strings.CutPrefix(strings.TrimSpace(line), "billingctl: "); ok {
					got = append(got, fault)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if !strings.Contains(stderr, " --help'.") {
				t.Errorf("stderr does not mention --help: %q", stderr)
			}
		})
	}
}

// No command takes three arguments.
func TestRun_RefusesArgumentsInWords(t *testing.T) {
	t.Parallel()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if cmd.HasSubCommands() || cmd.Name() == "help" {
			return
		}
		args := strings.Fields(strings.TrimPrefix(cmd.CommandPath(), "billingctl "))
		_, stderr := cli{}.run(t, boot.Misused, append(args, "x", "y", "z")...)
		if strings.Contains(stderr, "unknown command") || strings.Contains(stderr, "arg(s)") {
			t.Errorf("%v with three arguments: %q", args, stderr)
		}
	}
	walk((&tool{}).root())
}

func TestRun_ReportsEveryRequiredFlag(t *testing.T) {
	t.Parallel()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Annotations[requiredFlag] == nil {
				return
			}
			args := strings.Fields(strings.TrimPrefix(cmd.CommandPath(), "billingctl "))
			if strings.Contains(cmd.Use, " CODE") || strings.Contains(cmd.Use, " ID") || strings.Contains(cmd.Use, "|ID ") {
				args = append(args, "x")
			}
			environ := cli{[]string{"BILLING_ENV=test"}}
			if _, stderr := environ.run(t, boot.Misused, args...); !strings.Contains(stderr, "--"+flag.Name+" is not set") {
				t.Errorf("%s without --%s: %q", cmd.CommandPath(), flag.Name, stderr)
			}
			if out, _ := environ.run(t, boot.OK, append(args, "--help")...); !strings.Contains(out, " (required)") {
				t.Errorf("%s --help does not say that --%s is required", cmd.CommandPath(), flag.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&tool{}).root())
}
