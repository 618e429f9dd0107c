//go:build mutant

package mutant

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/online-cinema/billing/adapters/webhook"
	"github.com/online-cinema/billing/cmd/internal/crash"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// The names of the bugs in the delivery of webhooks.
const (
	redirectFollowed    = "redirect-followed"
	addressCheckedEarly = "address-checked-early"
	oldTimestampSigned  = "old-timestamp-signed"
)

// WebhookSender returns s with the planted bug, if it is one of those.
func WebhookSender(s *webhook.Sender) ports.WebhookSender {
	dialer := &net.Dialer{Resolver: crash.Resolver()}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}, Timeout: 15 * time.Second}
	switch planted() {
	case redirectFollowed:
		return uncheckedSender{s, client}
	case addressCheckedEarly:
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return earlySender{uncheckedSender{s, client}, dialer.Resolver}
	case oldTimestampSigned:
		return &oldTimestamps{WebhookSender: s, first: map[string]time.Time{}}
	default:
		return s
	}
}

// uncheckedSender does not check the address that it connects to.
type uncheckedSender struct {
	*webhook.Sender
	client *http.Client
}

func (s uncheckedSender) Send(ctx context.Context, w ports.Webhook) billing.WebhookResponse {
	r, err := s.Request(ctx, w)
	if err != nil {
		return billing.WebhookResponse{Failure: billing.WebhookForbiddenAddress}
	}
	response, err := s.client.Do(r)
	if err != nil {
		return billing.WebhookResponse{Failure: billing.WebhookNoResponse}
	}
	_ = response.Body.Close()
	return billing.WebhookResponse{Status: response.StatusCode}
}

// earlySender checks the addresses of the name before it sends the request, which resolves
// the name again.
type earlySender struct {
	uncheckedSender
	resolver *net.Resolver
}

func (s earlySender) Send(ctx context.Context, w ports.Webhook) billing.WebhookResponse {
	allowed, err := netip.ParsePrefix(os.Getenv("BILLING_WEBHOOK_NETS"))
	r, requestErr := s.Request(ctx, w)
	if err != nil || requestErr != nil {
		return billing.WebhookResponse{Failure: billing.WebhookForbiddenAddress}
	}
	resolver := s.resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addresses, err := resolver.LookupNetIP(ctx, "ip", r.URL.Hostname())
	if err != nil {
		return billing.WebhookResponse{Failure: billing.WebhookUnknownHost}
	}
	check := webhook.Control([]netip.Prefix{allowed})
	for _, a := range addresses {
		if check("tcp", netip.AddrPortFrom(a, 443).String(), nil) != nil {
			return billing.WebhookResponse{Failure: billing.WebhookForbiddenAddress}
		}
	}
	return s.uncheckedSender.Send(ctx, w)
}

// oldTimestamps signs each try with the time of the first one.
type oldTimestamps struct {
	ports.WebhookSender
	mu    sync.Mutex
	first map[string]time.Time
}

func (s *oldTimestamps) Send(ctx context.Context, w ports.Webhook) billing.WebhookResponse {
	s.mu.Lock()
	if at, ok := s.first[w.ID]; ok {
		w.At = at
	}
	s.first[w.ID] = w.At
	s.mu.Unlock()
	return s.WebhookSender.Send(ctx, w)
}

// pushWithoutLease lets several processes deliver to one endpoint.
func pushWithoutLease(_ *bug, tx *ports.Repos) { tx.EndpointLeases = shortLeases{tx.EndpointLeases} }

type shortLeases struct{ ports.EndpointLeases }

func (l shortLeases) Lease(ctx context.Context, q ports.EndpointLease) (ports.Push, bool, error) {
	q.For = 0
	return l.EndpointLeases.Lease(ctx, q)
}

// Release leases the endpoint again, so that the store accepts the progress.
func (l shortLeases) Release(ctx context.Context, p ports.Push, idle time.Duration) error {
	_, _, err := l.EndpointLeases.Lease(ctx, ports.EndpointLease{ID: p.Lease, Now: time.Now(), Wall: time.Now(), For: time.Minute})
	if err != nil {
		return err
	}
	return l.EndpointLeases.Release(ctx, p, idle)
}
