// Command billingctl operates the billing service from a command line.
//
//	billingctl dev              run the complete service on this machine
//	billingctl migrate          apply migrations
//	billingctl plan             manage the catalogue of plans
//	billingctl payment-system   manage the registry of payment systems
//	billingctl clock            show or set the test clock
//	billingctl payment          show one payment and its events
//	billingctl reconcile        compare our payments with a payment system's ledger
//	billingctl token            sign a viewer's token for tests
//	billingctl vault            manage the keys of the vault
//	billingctl admin-user       manage the users of the admin panel
//
// Exit codes: 0 success, 1 failure, 2 bad usage or configuration. Results go to
// standard output, errors and logs to standard error.
//
// Not here: rules. Each command is a use case of core with flags around it. The
// processes of "dev" are in internal/dev.
package main

import (
	"context"
	"io"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func main() { boot.Main(run) }

// run runs the program and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	t := &tool{environ: environ, stdout: stdout, stderr: stderr}
	root := t.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return t.report(cmd, err)
}
