package boot

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/simulator"
	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/core/billing"
)

// Accounts are the accounts at real payment systems. The keys of an account switch its
// adapter on.
type Accounts struct {
	StripeKey      SecretText `env:"BILLING_STRIPE_SECRET_KEY" helpDefault:"none: Stripe is off" must:"be a secret key of Stripe" help:"Secret or restricted key of the account at Stripe; switches it on"`
	StripeWebhooks SecretText `env:"BILLING_STRIPE_WEBHOOK_SECRET" helpDefault:"none: notifications of Stripe are refused" must:"be signing secrets with spaces between them" help:"Signing secrets of the webhook endpoint at Stripe; two while one is replaced"`
	StripeURL      string     `env:"BILLING_STRIPE_API_URL" helpDefault:"https://api.stripe.com" help:"Address of Stripe's API, for tests and egress proxies"`

	YooKassaShop      SecretText  `env:"BILLING_YOOKASSA_SHOP_ID" helpDefault:"none: YooKassa is off" must:"be the number of a shop" help:"Id of the shop at YooKassa; switches it on"`
	YooKassaKey       SecretText  `env:"BILLING_YOOKASSA_SECRET_KEY" helpDefault:"none: YooKassa is off" must:"be a secret key of YooKassa" help:"Secret key of the shop at YooKassa"`
	YooKassaURL       string      `env:"BILLING_YOOKASSA_API_URL" helpDefault:"https://api.yookassa.ru/v3" help:"Address of YooKassa's API, for tests and egress proxies"`
	YooKassaReceipts  ReceiptMode `env:"BILLING_YOOKASSA_RECEIPTS" default:"off" must:"be off, full_payment or full_prepayment" help:"Send fiscal receipts (54-FZ) through YooKassa, with this method of payment on them"`
	YooKassaTaxSystem int         `env:"BILLING_YOOKASSA_TAX_SYSTEM" helpDefault:"none: the cash register knows it" must:"be a number from 1 to 6" help:"Tax system on the receipts of YooKassa, if the cash register serves several"`
	YooKassaNets      Networks    `env:"BILLING_YOOKASSA_NOTIFICATION_NETS" helpDefault:"those that YooKassa publishes" must:"be addresses or networks with commas between them, such as 185.71.76.0/27,77.75.156.11" help:"Networks that send YooKassa's notifications"`
}

// SecretText is a secret of any form.
type SecretText struct{ billing.Secret }

// UnmarshalText accepts every text.
func (s *SecretText) UnmarshalText(text []byte) error {
	s.Secret = billing.NewSecret(string(text))
	return nil
}

// ReceiptMode is the mode of receipts; empty if none are sent.
type ReceiptMode billing.ReceiptMode

// UnmarshalText accepts off and the modes.
func (m *ReceiptMode) UnmarshalText(text []byte) error {
	switch mode := billing.ReceiptMode(text); mode {
	case "off":
		*m = ""
	case billing.FullPayment, billing.FullPrepayment:
		*m = ReceiptMode(mode)
	default:
		return errInvalid
	}
	return nil
}

// terms returns the terms of receipts, or nil if none are sent.
func (m ReceiptMode) terms(taxSystem int) *billing.ReceiptTerms {
	if m == "" {
		return nil
	}
	return &billing.ReceiptTerms{Mode: billing.ReceiptMode(m), TaxSystem: taxSystem}
}

// words returns the secrets with spaces between them.
func (s SecretText) words() (list []billing.Secret) {
	for word := range strings.FieldsSeq(s.Reveal()) {
		list = append(list, billing.NewSecret(word))
	}
	return list
}

// check refuses keys of a test account in production, because they move no money, and keys
// of a live account elsewhere, because they move real money.
func (a Accounts) check(f *faults, env Env) {
	f.need(a.YooKassaShop.IsZero() == a.YooKassaKey.IsZero(),
		"BILLING_YOOKASSA_SHOP_ID and BILLING_YOOKASSA_SECRET_KEY must both be set or neither")
	f.need(a.YooKassaTaxSystem >= 0 && a.YooKassaTaxSystem <= 6, "BILLING_YOOKASSA_TAX_SYSTEM=%d must be 1 to 6", a.YooKassaTaxSystem)
	f.need(a.YooKassaTaxSystem == 0 || a.YooKassaReceipts != "", "BILLING_YOOKASSA_TAX_SYSTEM is set without BILLING_YOOKASSA_RECEIPTS")
	f.need(a.StripeWebhooks.IsZero() || !a.StripeKey.IsZero(), "BILLING_STRIPE_WEBHOOK_SECRET is set without BILLING_STRIPE_SECRET_KEY")
	for name, key := range map[string]SecretText{"BILLING_STRIPE_SECRET_KEY": a.StripeKey, "BILLING_YOOKASSA_SECRET_KEY": a.YooKassaKey} {
		text := strings.TrimPrefix(strings.TrimPrefix(key.Reveal(), "sk_"), "rk_")
		f.need(env != Production || !strings.HasPrefix(text, "test_"),
			"%s is of a test account, which is refused with BILLING_ENV=%q: it would move no money", name, env)
		f.need(env == Production || !strings.HasPrefix(text, "live_"),
			"%s is of a live account, which is refused with BILLING_ENV=%q: it would move real money", name, env)
	}
	for name, address := range map[string]string{"BILLING_STRIPE_API_URL": a.StripeURL, "BILLING_YOOKASSA_API_URL": a.YooKassaURL} {
		u, err := url.Parse(address)
		f.need(address == "" || err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && env != Production),
			"%s=%q must be an https URL (http too outside production)", name, address)
	}
}

// Check returns a [ConfigError] if the API and the runs refuse to start with the accounts.
func (a Accounts) Check(env Env) error {
	var f faults
	a.check(&f, env)
	return f.err()
}

// adapters returns the adapters that the configuration switches on, by code.
func (c PaymentSystemsConfig) adapters(useSimulator bool) map[string]adapter {
	on := map[string]bool{
		simulator.Code: useSimulator, stripe.Code: !c.Accounts.StripeKey.IsZero(), yookassa.Code: !c.Accounts.YooKassaKey.IsZero(),
	}
	all := adapters()
	for code := range all {
		if !on[code] {
			delete(all, code)
		}
	}
	return all
}

func openStripe(_ context.Context, s *PaymentSystems, c PaymentSystemsConfig) error {
	p, err := stripe.New(stripe.Config{
		SecretKey: c.Accounts.StripeKey.Secret, WebhookSecrets: c.Accounts.StripeWebhooks.words(),
		BaseURL: strings.TrimSuffix(c.Accounts.StripeURL, "/"), ReturnURL: c.ReturnURL, Now: time.Now,
	})
	if err == nil {
		s.Providers[stripe.Code] = p
	}
	return err
}

func openYooKassa(_ context.Context, s *PaymentSystems, c PaymentSystemsConfig) error {
	p, err := yookassa.New(yookassa.Config{
		ShopID: c.Accounts.YooKassaShop.Reveal(), SecretKey: c.Accounts.YooKassaKey.Secret, Networks: c.Accounts.YooKassaNets,
		BaseURL: strings.TrimSuffix(c.Accounts.YooKassaURL, "/"), ReturnURL: c.ReturnURL, Now: time.Now,
		Receipts: c.Accounts.YooKassaReceipts.terms(c.Accounts.YooKassaTaxSystem),
	})
	if err == nil {
		s.Providers[yookassa.Code] = p
	}
	return err
}
