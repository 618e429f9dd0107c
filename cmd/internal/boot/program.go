package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

// Exit codes of every binary.
const (
	OK      = 0
	Failed  = 1 // the request was valid but could not be carried out
	Misused = 2 // bad usage or configuration
)

// Main calls run and exits with the code that it returns. SIGINT or SIGTERM
// cancels the context.
func Main(run func(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Restore the default handlers, so that a second Ctrl-C kills the program.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// Program describes a program that is configured by its environment.
type Program struct {
	Name  string
	About string         // first part of --help; ends with a newline
	Flags *pflag.FlagSet // besides --help and --version; nil if there are none
	Check func() error   // checks the values of the flags; may be nil
}

// configuration is the configuration of a program.
type configuration interface {
	Logger(w io.Writer) *slog.Logger
	warnings() []string // about values that are allowed, but dangerous
}

// Run parses the command line, loads the configuration and calls work. It returns
// the exit code.
func Run[C configuration](p Program, args, environ []string, stdout, stderr io.Writer, work func(C, *slog.Logger) int) int {
	version, err := p.parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		_, _ = io.WriteString(stdout, p.help(fieldsOf(new(C))))
		return OK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "%s: %v\nSee '%[1]s --help'.\n", p.Name, err)
		return Misused
	case version:
		_, _ = fmt.Fprintln(stdout, p.Name, Version())
		return OK
	}
	cfg, err := Load[C](environ)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		for _, text := range UnknownVariables(environ) {
			_, _ = fmt.Fprintf(stderr, "  %s\n", text)
		}
		return Misused
	}
	log := cfg.Logger(stderr)
	for _, text := range append(UnknownVariables(environ), cfg.warnings()...) {
		log.Warn(text)
	}
	return work(cfg, log)
}

func (p Program) parse(args []string) (version bool, err error) {
	flags := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&version, "version", false, "")
	flags.AddFlagSet(p.Flags)
	switch err := flags.Parse(args); {
	case err != nil:
		return false, FlagError(err)
	case flags.NArg() > 0:
		return false, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case p.Check != nil:
		return version, p.Check()
	}
	return version, nil
}
