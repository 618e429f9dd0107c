// Command billingctl looks after the billing service from a shell: schema,
// catalogue, reconciliation, and a whole service to try out.
//
//	billingctl dev              everything on this machine, nothing set up
//	billingctl migrate          the schema
//	billingctl plan             the catalogue
//	billingctl payment-system   who moves the money
//	billingctl payment          what became of one payment
//	billingctl reconcile        our books against theirs
//	billingctl admin-user       people of the admin panel
//	billingctl token            a viewer's token for trying things out
//	billingctl vault            keys of the card vault
//
// Exit code 0 is done, 1 is failed, 2 is bad usage or configuration. What was
// asked for goes to the standard output, everything else to the other one.
//
// Not here: rules. Each command is a use case of core/app with flags around it;
// what "dev" starts and stops is in internal/dev.
package main

import (
	"context"
	"io"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func main() { boot.Main(run) }

// run is the program: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	t := &tool{environ: environ, stdout: stdout, stderr: stderr}
	root := t.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return t.report(cmd, err)
}
