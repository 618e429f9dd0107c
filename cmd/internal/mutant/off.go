//go:build !mutant

package mutant

import (
	"github.com/online-cinema/billing/adapters/webhook"
	"github.com/online-cinema/billing/core/ports"
)

// Store returns s unchanged. The build tag mutant replaces it: see on.go.
func Store(s ports.Store, _ map[string]ports.Provider) ports.Store { return s }

// Providers returns p unchanged. The build tag mutant replaces it: see on.go.
func Providers(p map[string]ports.Provider) map[string]ports.Provider { return p }

// Refunders returns p unchanged. The build tag mutant replaces it: see refund_on.go.
func Refunders(p map[string]ports.Refunder) map[string]ports.Refunder { return p }

// Cancellers returns c unchanged. The build tag mutant replaces it: see cancel_on.go.
func Cancellers(c map[string]ports.Canceller) map[string]ports.Canceller { return c }

// WebhookSender returns s unchanged. The build tag mutant replaces it: see webhook_on.go.
func WebhookSender(s *webhook.Sender) ports.WebhookSender { return s }
