//go:build !crash

package crash

import (
	"net"

	"github.com/online-cinema/billing/core/ports"
)

// Store returns s.
func Store(s ports.Store) ports.Store { return s }

// Providers returns p.
func Providers(p map[string]ports.Provider) map[string]ports.Provider { return p }

// Refunders returns p.
func Refunders(p map[string]ports.Refunder) map[string]ports.Refunder { return p }

// Cancellers returns c.
func Cancellers(c map[string]ports.Canceller) map[string]ports.Canceller { return c }

// Savers returns s.
func Savers(s map[string]ports.Saver) map[string]ports.Saver { return s }

// Forgetters returns f.
func Forgetters(f map[string]ports.Forgetter) map[string]ports.Forgetter { return f }

// WebhookSender returns s.
func WebhookSender(s ports.WebhookSender) ports.WebhookSender { return s }

// Resolver returns nil, which means the resolver of the operating system.
func Resolver() *net.Resolver { return nil }
