package payments

import (
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Consents signs the terms that viewers agree to, and verifies them before a charge
// without the viewer. A program or person that can only write to the database cannot
// sign, and so cannot raise a price. The zero value does neither.
type Consents struct {
	Keys ports.Authenticator // nil: nothing is signed or verified
	// Required reports whether subscriptions without a signature are refused. Until
	// then, or if it is nil, they are charged: earlier versions stored them.
	Required func() bool
	// Watch is called for n charges with a finding, by several goroutines at once. It may
	// be nil.
	Watch func(f ConsentFinding, n int)
}

// ConsentFinding is a fault of the consent to a charge. "" means none.
type ConsentFinding string

// The findings. Only an unsigned subscription is charged.
const (
	ConsentUnsigned ConsentFinding = "unsigned" // no signature, and none is required yet
	ConsentMissing  ConsentFinding = "missing"  // no signature, although one is required
	ConsentForged   ConsentFinding = "forged"   // the signature is of other terms
	ConsentDiffers  ConsentFinding = "differs"  // the payment is not on the subscription's terms
)

// ConsentFindings returns all findings.
func ConsentFindings() []ConsentFinding {
	return []ConsentFinding{ConsentUnsigned, ConsentMissing, ConsentForged, ConsentDiffers}
}

// Refused reports whether the finding forbids the charge.
func (f ConsentFinding) Refused() bool { return f != "" && f != ConsentUnsigned }

// Sign sets the signature of the subscription's terms. It must be called whenever the
// viewer agrees to new ones.
func (c Consents) Sign(s *billing.Subscription) error {
	if c.Keys == nil {
		return nil
	}
	mac, err := c.Keys.MAC(ports.ConsentPlace(*s), s.ConsentText())
	if err != nil {
		return fmt.Errorf("sign the terms of subscription %s: %w", s.ID, err)
	}
	s.ConsentMAC = billing.ConsentMAC(mac)
	return nil
}

// Check verifies the signature of the subscription's terms.
func (c Consents) Check(s *billing.Subscription) ConsentFinding {
	switch {
	case c.Keys == nil:
		return ""
	case s.ConsentMAC != "" && c.Keys.VerifyMAC(ports.ConsentPlace(*s), []byte(s.ConsentMAC), s.ConsentText()) == nil:
		return ""
	case s.ConsentMAC != "":
		return ConsentForged
	case c.Required != nil && c.Required():
		return ConsentMissing
	default:
		return ConsentUnsigned
	}
}

// Found passes findings to Watch.
func (c Consents) Found(f ConsentFinding, n int) {
	if c.Watch != nil && f != "" && n > 0 {
		c.Watch(f, n)
	}
}
