package boot

import (
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/payments"
)

// Consents signs and verifies the terms that viewers agree to. Without keys it does neither.
func (k Keys) Consents() payments.Consents {
	if k.Tokens == nil {
		return payments.Consents{}
	}
	return payments.Consents{
		Keys:     mutant.Authenticator(k.Tokens),
		Required: func() bool { return k.Tokens.Enforces(vault.RuleConsents) },
	}
}
