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

// tool is what all commands share.
type tool struct {
	environ        []string
	stdout, stderr io.Writer
	json           bool
}

func (t *tool) root() *cobra.Command {
	root := group("billingctl", "Look after the billing service",
		t.dev(), t.migrate(), t.plan(), t.paymentSystem(), t.clock(), t.payment(), t.reconcile(), t.token(), t.vault(), t.adminUser())
	root.Version = boot.Version()
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetOut(t.stdout)
	root.SetErr(t.stderr)
	makeStrict(root)
	return root
}

// makeStrict gives cobra's own commands our way of refusing what is wrong.
func makeStrict(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Args, cmd.RunE = subcommand, nothing
		}
	}
}

// group is a command that does nothing without one of its own commands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: subcommand, RunE: nothing}
	g.SuggestionsMinimumDistance = 2
	g.AddCommand(commands...)
	return g
}

func nothing(*cobra.Command, []string) error { return nil }

// subcommand is the check of a group's arguments: cobra would show the help and
// call it a success.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%q needs a command", cmd.CommandPath())
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += fmt.Sprintf("; did you mean %s?", strings.Join(like, ", "))
	}
	return errors.New(text)
}

// action is what a command does. Its errors are failures; all other errors of a
// command line are bad usage.
func (t *tool) action(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

type failure struct{ error }

func (f *failure) Unwrap() error { return f.error }

// errSaid is the error of a command that has said all there is to say.
var errSaid = errors.New("")

// misuse is the error of a command line that is wrong in a way that only its
// action could tell.
type misuse struct{ text string }

func (m *misuse) Error() string { return m.text }

func misused(format string, args ...any) error {
	return &misuse{fmt.Sprintf(format, args...)}
}

// report tells why a command failed, and returns the exit code.
func (t *tool) report(cmd *cobra.Command, err error) int {
	var failed *failure
	var invalid *billing.InvalidError
	switch {
	case err == nil:
		return boot.OK
	case errors.Is(err, errSaid):
		return boot.Failed
	case !errors.As(err, &failed):
		t.complain("%v\nSee '%s --help'.", err, cmd.CommandPath())
		return boot.Misused
	case errors.As(err, &invalid):
		for _, f := range invalid.Faults {
			t.complain("%s %s", f.Field, f.Message)
		}
	default:
		t.complain("%s", explain(failed.error))
	}
	return code(err)
}

func (t *tool) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(t.stderr, "billingctl: "+format+"\n", args...)
}

func code(err error) int {
	var config *boot.ConfigError
	var wrong *misuse
	if errors.As(err, &config) || errors.As(err, &wrong) || errors.Is(err, billing.Invalid) {
		return boot.Misused
	}
	return boot.Failed
}
