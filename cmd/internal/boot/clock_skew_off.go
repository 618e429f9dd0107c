//go:build !crash

package boot

import "github.com/online-cinema/billing/core/app"

// withSkew does nothing, unless the program was built with the tag crash: see
// skew_on.go.
func withSkew(c app.Clock) app.Clock { return c }
