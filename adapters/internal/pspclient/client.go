package pspclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Config configures a [Client]. RootCAs, Proxy and Dial are optional.
type Config struct {
	// BaseURL is the beginning of every address, without a slash at the end. It must be
	// https; http is only for the loopback interface, because requests carry credentials.
	BaseURL string
	// Timeout bounds one exchange, from the connection to the last byte of the response.
	// It does not include the wait for a slot.
	Timeout time.Duration
	// MaxConcurrent bounds the requests that run at the same time.
	MaxConcurrent int
	// PerSecond bounds the requests that begin per second, and Burst those that begin at
	// the same moment.
	PerSecond float64
	Burst     int
	// Now returns the time on the wall clock.
	Now func() time.Time
	// RootCAs verify the certificate of the payment system; nil means those of the
	// operating system.
	RootCAs *x509.CertPool
	// Proxy is the address of a proxy. The environment never sets one.
	Proxy *url.URL
	// Dial replaces the network, for tests; nil means the real one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client sends requests to one payment system. It is safe for concurrent use.
type Client struct {
	base      string
	timeout   time.Duration
	now       func() time.Time
	transport *http.Transport
	slots     chan struct{}
	limiter   *rate.Limiter
}

// New returns a client. It reports an invalid configuration.
func New(cfg Config) (*Client, error) {
	if err := checkBase(cfg.BaseURL); err != nil {
		return nil, err
	}
	if cfg.Timeout <= 0 || cfg.MaxConcurrent <= 0 || cfg.PerSecond <= 0 || cfg.Burst <= 0 || cfg.Now == nil {
		return nil, errors.New("the client of the payment system needs a timeout, limits and a clock")
	}
	return &Client{
		base: cfg.BaseURL, timeout: cfg.Timeout, now: cfg.Now, transport: newTransport(cfg),
		slots:   make(chan struct{}, cfg.MaxConcurrent),
		limiter: rate.NewLimiter(rate.Limit(cfg.PerSecond), cfg.Burst),
	}, nil
}

// newTransport returns a transport for HTTP/1.1 only. There, a request whose headers
// were not written when the connection was closed cannot arrive any more.
func newTransport(cfg Config) *http.Transport {
	t := &http.Transport{
		DialContext:         cfg.Dial,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout: cfg.Timeout,
		MaxIdleConnsPerHost: cfg.MaxConcurrent,
		IdleConnTimeout:     time.Minute,
	}
	if t.DialContext == nil {
		t.DialContext = (&net.Dialer{Timeout: cfg.Timeout}).DialContext
	}
	if cfg.Proxy != nil {
		t.Proxy = http.ProxyURL(cfg.Proxy)
	}
	return t
}

func checkBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "", strings.HasSuffix(base, "/"):
		return errors.New("the address of the payment system is not a plain URL without a slash at its end")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	default:
		return errors.New("the address of the payment system is not https")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
