//go:build !mutant

package mutant

import "github.com/online-cinema/billing/core/ports"

// Authenticator returns a unchanged. The build tag mutant replaces it: see
// consent_on.go.
func Authenticator(a ports.Authenticator) ports.Authenticator { return a }
