package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// v6Prefix is the prefix length that identifies an IPv6 client. A customer of a
// network usually has 2^64 addresses.
const v6Prefix = 64

// client returns the IPv4 address or IPv6 network of the client. It looks behind
// trusted proxies. For a Unix socket it returns the peer's name.
func (r Rates) client(req *http.Request) string {
	peer, ok := parseAddr(req.RemoteAddr)
	if !ok {
		return req.RemoteAddr // a Unix socket
	}
	return network(r.clientAddr(peer, req.Header.Values("X-Forwarded-For")))
}

// clientAddr walks X-Forwarded-For from right to left and returns the first
// address that is not a trusted proxy. Entries further left may be forged.
func (r Rates) clientAddr(peer netip.Addr, forwarded []string) netip.Addr {
	if !r.trusts(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := parseAddr(strings.TrimSpace(hop))
		if !ok {
			return peer
		}
		if peer = addr; !r.trusts(peer) {
			return peer
		}
	}
	return peer
}

func (r Rates) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(r.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseAddr parses an address, with or without a port.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return a, false
		}
		a = withPort.Addr()
	}
	return a.Unmap().WithZone(""), true
}

func network(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(v6Prefix)
	if err != nil {
		return a.String()
	}
	return p.String()
}
