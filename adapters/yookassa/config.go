package yookassa

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/batcher"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Code is YooKassa's code as a payment system.
const Code = "yookassa"

// DefaultBaseURL is the address of the API.
const DefaultBaseURL = "https://api.yookassa.ru/v3"

const (
	// horizon is how long a key is sent. YooKassa recognizes it for 24 hours; the rest is
	// a margin for clocks that differ.
	horizon = 23 * time.Hour
	// settling covers YooKassa's own time-out of 30 seconds and the lag of its lists,
	// which is not documented.
	settling = 5 * time.Minute
	// exchangeTimeout exceeds YooKassa's own time-out, so that its response arrives. The
	// contexts of the callers usually end earlier.
	exchangeTimeout = 40 * time.Second
)

// Config configures a [YooKassa]. ShopID, SecretKey and Now are required.
type Config struct {
	ShopID    string
	SecretKey billing.Secret
	// ReturnURL is the page to which viewers return from a page of YooKassa or of a bank,
	// if a request names none. Without it, such requests are refused; renewals need none.
	ReturnURL string
	// Now returns the time on the wall clock.
	Now func() time.Time

	// Receipts are the terms of the fiscal receipts that every payment needs; nil means that
	// the shop does not send them through YooKassa.
	Receipts *billing.ReceiptTerms

	// BaseURL is the address of the API, without a slash at the end; "" means
	// [DefaultBaseURL].
	BaseURL string
	// Networks are the senders of genuine notifications; nil means [DefaultNetworks].
	Networks []netip.Prefix
	// MaxConcurrent bounds the requests at once, and PerSecond those that begin per
	// second. 0 means 32 and 20. YooKassa does not publish its limit.
	MaxConcurrent, PerSecond int
	// RootCAs verify YooKassa's certificate; nil means those of the operating system.
	RootCAs *x509.CertPool
	// Proxy is the address of a proxy; nil means none.
	Proxy *url.URL
	// Dial replaces the network, for tests; nil means the real one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wait waits for d. It returns an error if ctx ends first. nil means a real wait.
	Wait func(ctx context.Context, d time.Duration) error
}

// YooKassa is a shop at YooKassa. It is safe for concurrent use and must not be copied.
type YooKassa struct {
	client    *pspclient.Client
	authorize string // value of the header Authorization
	returnURL string
	receipts  *billing.ReceiptTerms
	networks  []netip.Prefix
	now       func() time.Time
	wait      func(context.Context, time.Duration) error
	searches  batcher.Batcher[search, found]
}

var (
	_ ports.Provider = (*YooKassa)(nil)
	_ ports.Ledger   = (*YooKassa)(nil)
	_ ports.Listener = (*YooKassa)(nil)
	_ ports.Refunder = (*YooKassa)(nil)
	_ ports.Saver    = (*YooKassa)(nil)
	_ ports.Prober   = (*YooKassa)(nil)
)

// New returns an adapter for a shop. It sends nothing. An error does not contain the key.
func New(cfg Config) (*YooKassa, error) {
	switch {
	case !isShopID(cfg.ShopID):
		return nil, errors.New("yookassa: the shop id must be a number")
	case !printable(cfg.SecretKey.Reveal()):
		return nil, errors.New("yookassa: the secret key is missing, or has spaces")
	case cfg.ReturnURL != "" && !billing.IsWebPage(cfg.ReturnURL):
		return nil, errors.New("yookassa: the return URL is not the address of a page")
	case cfg.Now == nil:
		return nil, errors.New("yookassa: a clock is missing")
	case cfg.MaxConcurrent < 0 || cfg.PerSecond < 0:
		return nil, errors.New("yookassa: a limit is negative")
	}
	perSecond := cmp.Or(cfg.PerSecond, 20)
	client, err := pspclient.New(pspclient.Config{
		BaseURL: cmp.Or(cfg.BaseURL, DefaultBaseURL), Timeout: exchangeTimeout, Now: cfg.Now,
		MaxConcurrent: cmp.Or(cfg.MaxConcurrent, 32), PerSecond: float64(perSecond), Burst: perSecond,
		RootCAs: cfg.RootCAs, Proxy: cfg.Proxy, Dial: cfg.Dial,
	})
	if err != nil {
		return nil, fmt.Errorf("yookassa: %w", err)
	}
	y := &YooKassa{
		client: client, returnURL: cfg.ReturnURL, receipts: cfg.Receipts, networks: cfg.Networks, now: cfg.Now, wait: cfg.Wait,
		authorize: "Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.ShopID+":"+cfg.SecretKey.Reveal())),
	}
	if y.networks == nil {
		y.networks = DefaultNetworks()
	}
	if y.wait == nil {
		y.wait = wait
	}
	return y, nil
}

// Capabilities implements [ports.Provider]. A viewer's browser gives no token, because a
// saved method belongs to the shop: a viewer could name the method of another.
func (y *YooKassa) Capabilities() ports.Capabilities {
	return ports.Capabilities{
		KeyLimits: billing.KeyLimits{Settling: settling, Horizon: horizon},
		Accepts:   []ports.Means{ports.ByPage},
		Receipts:  y.receipts,
	}
}

// header returns the header of every request. key is empty if a request changes nothing.
func (y *YooKassa) header(key string) http.Header {
	h := http.Header{"Authorization": {y.authorize}, "Accept": {"application/json"}}
	if key != "" {
		h.Set("Idempotence-Key", key)
		h.Set("Content-Type", "application/json")
	}
	return h
}

// wait waits for d. It returns at once if ctx will end first.
func wait(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return context.DeadlineExceeded
	}
	return ports.Wait(ctx, d)
}
