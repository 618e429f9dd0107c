package boot

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/online-cinema/billing/adapters/webhook"
	"github.com/online-cinema/billing/core/feed"
)

// Webhooks holds the settings of webhooks.
type Webhooks struct {
	WebhookNets Networks `env:"BILLING_WEBHOOK_NETS" helpDefault:"none: public addresses only" must:"be addresses or networks with commas between them, such as 10.1.0.0/16,192.168.7.5" help:"Private networks in which endpoints of webhooks may be"`
}

// metadataServices have addresses that clouds use for their metadata, with credentials.
var metadataServices = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200")}

// warn logs what is unwise about the allowed networks.
func (w Webhooks) warn(log *slog.Logger) {
	for _, network := range w.WebhookNets {
		for _, address := range metadataServices {
			if network.Contains(address) {
				log.Warn("BILLING_WEBHOOK_NETS contains the metadata service of clouds: an operator who adds endpoints can send requests there", "network", network.String(), "address", address.String())
			}
		}
	}
}

// WebhookSender returns the client for webhooks. A resolver is for tests; nil means that of
// the operating system.
func (w Webhooks) WebhookSender(env Env, resolver *net.Resolver, log *slog.Logger) *webhook.Sender {
	w.warn(log)
	return webhook.New(webhook.Config{
		Allowed: w.WebhookNets, AllowHTTP: env != Production, UserAgent: "billing-api/" + Version(),
		Timeout: feed.RequestTimeout, Now: time.Now, Resolver: resolver,
	})
}
