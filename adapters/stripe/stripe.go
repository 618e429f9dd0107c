package stripe

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Code is Stripe's code as a payment system.
const Code = "stripe"

// Version is the version of Stripe's API that the adapter requests. The webhook endpoint
// must have the same.
const Version = "2026-03-25.dahlia"

// Stripe keeps an idempotency key for at least 24 hours. A request may run there for some
// minutes after its connection was lost; Stripe publishes no number for that.
const (
	horizon  = 23 * time.Hour
	settling = 5 * time.Minute
)

// Config configures the adapter. SecretKey and Now are required.
type Config struct {
	// SecretKey is the secret key (sk_…) or a restricted key (rk_…) of the account.
	SecretKey billing.Secret
	// WebhookSecrets are the signing secrets (whsec_…) of the webhook endpoint. Two are
	// valid at the same time while a secret is replaced. Without any, all notifications
	// are forged.
	WebhookSecrets []billing.Secret
	// ReturnURL is the page to which the viewer's browser goes after a page of Stripe, if
	// the viewer's client named none. Without it, such a charge is refused; renewals need
	// none.
	ReturnURL string
	// Product is the name of the purchase on the page of Stripe; "" means Subscription.
	// A change within a day of a payment on a page makes its repetition a key conflict.
	Product string
	// BaseURL is the address of the API; "" means https://api.stripe.com.
	BaseURL string
	// PerSecond bounds the requests per second; 0 means 20, which suits a sandbox. A
	// charge is two or three requests.
	PerSecond float64
	// MaxConcurrent bounds the requests at the same time; 0 means 32.
	MaxConcurrent int
	// Timeout bounds one request; 0 means 30 seconds.
	Timeout time.Duration
	// Now returns the time on the wall clock.
	Now func() time.Time
	// RootCAs, Proxy and Dial are optional: see [pspclient.Config].
	RootCAs *x509.CertPool
	Proxy   *url.URL
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Stripe is an account at Stripe. It is safe for concurrent use.
type Stripe struct {
	cfg    Config
	client *pspclient.Client
	pause  func(ctx context.Context, n int) error
}

var (
	_ ports.Provider  = (*Stripe)(nil)
	_ ports.Ledger    = (*Stripe)(nil)
	_ ports.Listener  = (*Stripe)(nil)
	_ ports.Refunder  = (*Stripe)(nil)
	_ ports.Saver     = (*Stripe)(nil)
	_ ports.Canceller = (*Stripe)(nil)
	_ ports.Forgetter = (*Stripe)(nil)
	_ ports.Prober    = (*Stripe)(nil)
)

// New returns the adapter. It reports all faults of the configuration, and sends nothing.
func New(cfg Config) (*Stripe, error) {
	cfg.BaseURL = cmp.Or(cfg.BaseURL, "https://api.stripe.com")
	cfg.Product = cmp.Or(cfg.Product, "Subscription")
	cfg.PerSecond = cmp.Or(cfg.PerSecond, 20)
	cfg.MaxConcurrent = cmp.Or(cfg.MaxConcurrent, 32)
	cfg.Timeout = cmp.Or(cfg.Timeout, 30*time.Second)
	faults := cfg.check()
	client, err := pspclient.New(pspclient.Config{
		BaseURL: cfg.BaseURL, Timeout: cfg.Timeout, MaxConcurrent: cfg.MaxConcurrent,
		PerSecond: cfg.PerSecond, Burst: max(int(cfg.PerSecond/4), 1), Now: cfg.Now,
		RootCAs: cfg.RootCAs, Proxy: cfg.Proxy, Dial: cfg.Dial,
	})
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return &Stripe{cfg: cfg, client: client, pause: pause}, nil
}

func (c Config) check() (faults []error) {
	key := c.SecretKey.Reveal()
	if !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_") || !isID(key) {
		faults = append(faults, errors.New("the secret key of Stripe must begin with sk_ or rk_"))
	}
	for _, secret := range c.WebhookSecrets {
		if !strings.HasPrefix(secret.Reveal(), "whsec_") {
			faults = append(faults, errors.New("a webhook secret of Stripe must begin with whsec_"))
		}
	}
	if c.ReturnURL != "" && !billing.IsWebPage(c.ReturnURL) {
		faults = append(faults, errors.New("the return URL for Stripe must be the address of a web page"))
	}
	return faults
}

// Capabilities implements [ports.Provider].
func (s *Stripe) Capabilities() ports.Capabilities {
	return ports.Capabilities{
		KeyLimits: billing.KeyLimits{Settling: settling, Horizon: horizon},
		Accepts:   []ports.Means{ports.ByToken, ports.ByPage},
	}
}
