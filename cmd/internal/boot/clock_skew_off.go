//go:build !crash

package boot

import "github.com/online-cinema/billing/core/ports"

// withSkew returns c. The build tag crash replaces it: see clock_skew_on.go.
func withSkew(c ports.Clock) ports.Clock { return c }
