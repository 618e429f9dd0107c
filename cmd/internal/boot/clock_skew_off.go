//go:build !crash

package boot

import "github.com/online-cinema/billing/core/app"

// withSkew returns c. The build tag crash replaces it: see clock_skew_on.go.
func withSkew(c app.Clock) app.Clock { return c }
