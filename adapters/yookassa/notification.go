package yookassa

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// DefaultNetworks returns the networks from which YooKassa sends notifications, as
// published at https://yookassa.ru/developers/using-api/webhooks.
func DefaultNetworks() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("185.71.76.0/27"),
		netip.MustParsePrefix("185.71.77.0/27"),
		netip.MustParsePrefix("77.75.153.0/25"),
		netip.MustParsePrefix("77.75.154.128/25"),
		netip.MustParsePrefix("77.75.156.11/32"),
		netip.MustParsePrefix("77.75.156.35/32"),
		netip.MustParsePrefix("2a02:5180::/32"),
	}
}

// ReadNotification accepts notifications by the address of the sender, because YooKassa
// does not sign them. The body only names the payment, the refund or the saved method. See
// [ports.Listener].
func (y *YooKassa) ReadNotification(n ports.Notification) (ports.Notice, error) {
	sender := n.From.Unmap()
	if !slices.ContainsFunc(y.networks, func(p netip.Prefix) bool { return p.Contains(sender) }) {
		return ports.Notice{}, ports.ErrForged
	}
	var body struct {
		Type   string `json:"type"`
		Event  string `json:"event"`
		Object struct {
			ID       string   `json:"id"`
			Metadata metadata `json:"metadata"`
		} `json:"object"`
	}
	err := json.Unmarshal(n.Body, &body)
	switch {
	case err != nil, body.Type != "notification", body.Object.ID == "":
		return ports.Notice{}, ports.ErrIrrelevant
	case strings.HasPrefix(body.Event, "refund.") && printable(body.Object.ID):
		return ports.Notice{RefundRef: body.Object.ID}, nil
	case strings.HasPrefix(body.Event, "payment."):
		return ports.Notice{Key: billing.PaymentID(body.Object.Metadata.PaymentID), ProviderRef: body.Object.ID}, nil
	case strings.HasPrefix(body.Event, "payment_method."):
		return ports.Notice{ProviderRef: body.Object.ID}, nil // it has no data of ours
	default:
		return ports.Notice{}, ports.ErrIrrelevant
	}
}
