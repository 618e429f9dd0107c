//go:build crash

package crash

import (
	"context"
	"net"
	"os"
)

// Resolver returns a resolver that asks the name server at the address in BILLING_TEST_DNS,
// so that the suite can change the address behind a name. Without the variable it returns
// nil.
func Resolver() *net.Resolver {
	server := os.Getenv("BILLING_TEST_DNS")
	if server == "" {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}
