//go:build mutant

package mutant

import "github.com/online-cinema/billing/core/ports"

// consentNotVerified is the name of the bug that accepts every signature.
const consentNotVerified = "consent-not-verified"

// Authenticator returns a with the planted bug, if it is consentNotVerified.
func Authenticator(a ports.Authenticator) ports.Authenticator {
	if planted() != consentNotVerified {
		return a
	}
	return credulous{a}
}

type credulous struct{ ports.Authenticator }

func (credulous) VerifyMAC(ports.Place, []byte, []byte) error { return nil }
