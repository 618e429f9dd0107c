package billingtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/online-cinema/billing/core/ports"
)

// Authenticator is a [ports.Authenticator] whose key is its text.
type Authenticator string

// MAC implements [ports.Authenticator].
func (a Authenticator) MAC(at ports.Place, text []byte) ([]byte, error) {
	h := hmac.New(sha256.New, []byte(a))
	_, _ = fmt.Fprintf(h, "%q %q", at, text) // never fails
	return h.Sum(nil), nil
}

// VerifyMAC implements [ports.Authenticator].
func (a Authenticator) VerifyMAC(at ports.Place, code, text []byte) error {
	if want, _ := a.MAC(at, text); !hmac.Equal(code, want) {
		return ports.ErrNotAuthentic
	}
	return nil
}

// MACKeyID implements [ports.Authenticator].
func (Authenticator) MACKeyID() uint32 { return 1 }
