package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

// tool holds the state that all commands share.
type tool struct {
	environ        []string
	stdout, stderr io.Writer
	json           bool
}

func (t *tool) root() *cobra.Command {
	root := group("billingctl", "Operate the billing service",
		t.dev(), t.migrate(), t.plan(), t.paymentSystem(), t.clock(), t.user(), t.payment(), t.subscription(), t.give(), t.export(), t.reconcile(), t.token(), t.vault(), t.endpoint(), t.adminUser())
	root.Version = boot.Version()
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetOut(t.stdout)
	root.SetErr(t.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return boot.FlagError(err) })
	checkCompletionArgs(root)
	return root
}

// checkCompletionArgs makes cobra's command "completion" refuse wrong arguments like
// our groups.
func checkCompletionArgs(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Args, cmd.RunE = subcommand, nothing
			for _, shell := range cmd.Commands() {
				shell.Args = noArgs
			}
		}
	}
}

// group returns a command that only has subcommands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: subcommand, RunE: nothing}
	g.SuggestionsMinimumDistance = 2
	g.AddCommand(commands...)
	return g
}

func nothing(*cobra.Command, []string) error { return nil }

// subcommand checks the arguments of a group. Cobra would print the help and exit
// with 0.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%q needs a command: %s", cmd.CommandPath(), strings.Join(names(cmd), ", "))
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += fmt.Sprintf("; did you mean %s?", strings.Join(like, ", "))
	}
	return errors.New(text)
}

// names returns the names of the subcommands that --help lists.
func names(cmd *cobra.Command) (list []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			list = append(list, sub.Name())
		}
	}
	return list
}

// action wraps the function of a command and marks its errors as failures. All other
// errors of a command line are bad usage.
func (t *tool) action(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		t.warn(boot.UnknownVariables(t.environ))
		if err := f(cmd, args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

func (t *tool) warn(warnings []string) {
	for _, text := range warnings {
		t.errorf("warning: %s", text)
	}
}

type failure struct{ error }

func (f *failure) Unwrap() error { return f.error }

// errReported is returned by a command that has printed its errors.
var errReported = errors.New("")

// report prints the error of a command and returns the exit code.
func (t *tool) report(cmd *cobra.Command, err error) int {
	var failed *failure
	var invalid *billing.InvalidError
	var wrong *usageError
	switch {
	case err == nil:
		return boot.OK
	case errors.Is(err, errReported):
		return boot.Failed
	case !errors.As(err, &failed):
		t.errorf("%v\nSee '%s --help'.", err, cmd.CommandPath())
		return boot.Misused
	case errors.As(err, &wrong):
		for _, fault := range wrong.faults {
			t.errorf("%s", fault)
		}
		_, _ = fmt.Fprintf(t.stderr, "See '%s --help'.\n", cmd.CommandPath())
	case errors.As(err, &invalid):
		for _, f := range invalid.Faults {
			t.errorf("%s %s", f.Field, f.Message)
		}
	default:
		t.errorf("%s", explain(failed.error))
	}
	return exitCode(err)
}

func (t *tool) errorf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.stderr, "billingctl: "+format+"\n", args...)
}

func exitCode(err error) int {
	var config *boot.ConfigError
	var wrong *usageError
	if errors.As(err, &config) || errors.As(err, &wrong) || errors.Is(err, billing.Invalid) {
		return boot.Misused
	}
	return boot.Failed
}
