package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/online-cinema/billing/core/billing"
)

// noArgs refuses every argument.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q takes no arguments, but %q was given", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArg returns a check for exactly one argument. Its errors describe the argument
// with what, such as "the code of a plan".
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := cmd.Parent().CommandPath() + " " + cmd.Use
		switch {
		case len(args) == 0 || args[0] == "":
			return fmt.Errorf("%q needs %s: %s", cmd.CommandPath(), what, usage)
		case len(args) > 1:
			return fmt.Errorf("%q takes one argument, %s, but %d were given: %s", cmd.CommandPath(), what, len(args), usage)
		}
		return nil
	}
}

// twoArgs is [oneArg] for two arguments.
func twoArgs(first, second string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 2 || args[0] == "" || args[1] == "" {
			return fmt.Errorf("%q needs two arguments, %s and %s: %s %s", cmd.CommandPath(), first, second, cmd.Parent().CommandPath(), cmd.Use)
		}
		return nil
	}
}

// faults collects everything that is wrong with a command line, so that one attempt
// reports all of it.
type faults []string

// requiredFlag is the annotation of flags that a command needs.
const requiredFlag = "required"

// require marks flags that a command needs. [flagFaults] reports the missing ones.
func require(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		flag := cmd.Flags().Lookup(name)
		flag.Usage += " (required)"
		_ = cmd.Flags().SetAnnotation(name, requiredFlag, []string{"true"}) // fails only for an unknown flag
	}
}

// flagFaults returns a fault for each required flag that is missing.
func flagFaults(cmd *cobra.Command) (f faults) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Annotations[requiredFlag] != nil && !flag.Changed {
			f.addf("--%s is not set: %s", flag.Name, strings.TrimSuffix(flag.Usage, " (required)"))
		}
	})
	return f
}

// exclusive adds a fault if more than one of the flags is set.
func (f *faults) exclusive(cmd *cobra.Command, flags ...string) {
	set := slices.DeleteFunc(flags, func(name string) bool { return !cmd.Flags().Changed(name) })
	if len(set) > 1 {
		f.addf("--%s exclude each other: leave out all but one", strings.Join(set, " and --"))
	}
}

func (f *faults) addf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// add adds err, which may be nil.
func (f *faults) add(err error) {
	if err != nil {
		f.addf("%v", err)
	}
}

// addFields adds the faults of fields in err, which may be nil. It omits the fields
// of required flags that are missing, which [flagFaults] reports, and the fields of
// the flags in reported.
func (f *faults) addFields(cmd *cobra.Command, err error, reported ...string) {
	var invalid *billing.InvalidError
	if !errors.As(err, &invalid) {
		f.add(err)
		return
	}
	for _, fault := range invalid.Faults {
		name, _, _ := strings.Cut(strings.ReplaceAll(fault.Field, "_", "-"), ".")
		flag := cmd.Flags().Lookup(name)
		missing := flag != nil && flag.Annotations[requiredFlag] != nil && !flag.Changed
		if !missing && !slices.Contains(reported, name) {
			f.addf("%s %s", fault.Field, fault.Message)
		}
	}
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &usageError{f}
}

// usageError is bad usage that the action of a command detects.
type usageError struct{ faults []string }

func (e *usageError) Error() string { return strings.Join(e.faults, "; ") }

func usageErrorf(format string, args ...any) error {
	return &usageError{[]string{fmt.Sprintf(format, args...)}}
}
