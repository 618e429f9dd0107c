package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	// readLimit is the most bytes of a response that are read, so that the connection can be
	// used again.
	readLimit = 4 << 10
	// maxRetryAfter limits the time that a receiver can ask for.
	maxRetryAfter = 24 * time.Hour
	// connectionsPerHost is more than the requests in flight at one endpoint.
	connectionsPerHost = 32
)

// Config configures a [Sender].
type Config struct {
	Allowed   []netip.Prefix // networks that are allowed although they are not public
	AllowHTTP bool           // http URLs too, for development
	UserAgent string
	Timeout   time.Duration
	Now       func() time.Time // the wall clock, for a Retry-After that is a date
	// RootCAs verify certificates, for tests; nil means those of the operating system.
	RootCAs *x509.CertPool
	// Resolver resolves names, for tests; nil means that of the operating system.
	Resolver *net.Resolver
}

// Sender is a [ports.WebhookSender]. It is safe for concurrent use.
type Sender struct {
	cfg    Config
	client *http.Client
}

var errForbiddenAddress = errors.New("the address is not allowed")

// New returns a sender.
func New(cfg Config) *Sender {
	dialer := &net.Dialer{Timeout: cfg.Timeout, Resolver: cfg.Resolver, Control: Control(cfg.Allowed)}
	return &Sender{cfg: cfg, client: &http.Client{
		Timeout: cfg.Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
			TLSHandshakeTimeout:    cfg.Timeout,
			MaxIdleConnsPerHost:    connectionsPerHost,
			MaxConnsPerHost:        connectionsPerHost,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: readLimit,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Control returns a function for [net.Dialer] that refuses addresses that are neither public
// nor in one of the networks.
func Control(allowed []netip.Prefix) func(network, address string, _ syscall.RawConn) error {
	public := ssrf.New(ssrf.WithAnyPort())
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return errForbiddenAddress
		}
		ip := at.Addr().Unmap().WithZone("")
		for _, network := range allowed {
			if network.Contains(ip) {
				return nil
			}
		}
		if public.SafeAddr(ip) != nil {
			return errForbiddenAddress
		}
		return nil
	}
}

// Send implements [ports.WebhookSender].
func (s *Sender) Send(ctx context.Context, w ports.Webhook) billing.WebhookResponse {
	r, err := s.Request(ctx, w)
	if err != nil {
		return billing.WebhookResponse{Failure: billing.WebhookForbiddenAddress}
	}
	response, err := s.client.Do(r)
	if err != nil {
		return billing.WebhookResponse{Failure: failureOf(err)}
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, readLimit)
	wait := pspclient.RetryAfter(response.Header.Get("Retry-After"), s.cfg.Now(), maxRetryAfter)
	return billing.WebhookResponse{Status: response.StatusCode, RetryAfter: wait}
}

// Request returns the signed request. It returns an error for a URL that is not https, or
// that has a user.
func (s *Sender) Request(ctx context.Context, w ports.Webhook) (*http.Request, error) {
	u, err := url.Parse(w.URL)
	if err != nil || u.User != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !s.cfg.AllowHTTP) {
		return nil, errForbiddenAddress
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(w.Body))
	if err != nil {
		return nil, errForbiddenAddress
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.cfg.UserAgent)
	r.Header.Set("Webhook-Id", w.ID)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(w.At.Unix(), 10))
	r.Header.Set("Webhook-Signature", billing.SignWebhook(w.ID, w.At, w.Body, w.Secrets...))
	return r, nil
}

// failureOf returns the class of an error of net/http.
func failureOf(err error) billing.WebhookFailure {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, errForbiddenAddress):
		return billing.WebhookForbiddenAddress
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return billing.WebhookTimeout
	case errors.As(err, &dns):
		return billing.WebhookUnknownHost
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return billing.WebhookTLS
	case errors.As(err, &errno) && errno == syscall.ECONNREFUSED:
		return billing.WebhookNotConnected
	default:
		return billing.WebhookNoResponse
	}
}
