package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// v6Network is how much of an IPv6 address tells one customer of a network from
// the next: whoever has one address usually has 2^64 of them.
const v6Network = 64

// client names the network address that a request comes from.
func (r Rates) client(req *http.Request) string {
	peer, ok := parseAddr(req.RemoteAddr)
	if !ok {
		return req.RemoteAddr // a Unix socket
	}
	return network(r.behindProxies(peer, req.Header.Values("X-Forwarded-For")))
}

// behindProxies walks from the peer towards the client for as long as each hop
// is one whose word counts. What stands further left may be invented.
func (r Rates) behindProxies(peer netip.Addr, forwarded []string) netip.Addr {
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

// parseAddr reads an address, with or without a port.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		with, err := netip.ParseAddrPort(s)
		if err != nil {
			return a, false
		}
		a = with.Addr()
	}
	return a.Unmap().WithZone(""), true
}

func network(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(v6Network)
	if err != nil {
		return a.String()
	}
	return p.String()
}
