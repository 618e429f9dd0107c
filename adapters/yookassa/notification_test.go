package yookassa_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const notice = `{"type":"notification","event":"payment.succeeded","object":{"id":"ref-1","status":"succeeded","metadata":{"payment_id":"` + string(key) + `"}}}`

func TestReadNotification_Sender(t *testing.T) {
	t.Parallel()
	y := newAdapter(t, "http://127.0.0.1:1")
	for from, genuine := range map[string]bool{
		"185.71.76.0":           true,
		"185.71.76.31":          true,
		"185.71.76.32":          false,
		"185.71.75.255":         false,
		"185.71.77.0":           true,
		"185.71.77.31":          true,
		"185.71.77.32":          false,
		"77.75.153.0":           true,
		"77.75.153.127":         true,
		"77.75.153.128":         false,
		"77.75.154.127":         false,
		"77.75.154.128":         true,
		"77.75.154.255":         true,
		"77.75.156.11":          true,
		"77.75.156.12":          false,
		"77.75.156.35":          true,
		"2a02:5180::1":          true,
		"2a02:5180:ffff::1":     true,
		"2a02:5181::1":          false,
		"::ffff:185.71.76.1":    true,
		"::ffff:185.71.76.32":   false,
		"::185.71.76.1":         false,
		"127.0.0.1":             false,
		"0.0.0.0":               false,
		"::":                    false,
		"2a02:5180::1%internal": false,
	} {
		got, err := y.ReadNotification(ports.Notification{Body: []byte(notice), From: netip.MustParseAddr(from)})
		if genuine && (err != nil || got != ports.Notice{Key: key, ProviderRef: "ref-1"}) {
			t.Errorf("from %s: %+v, %v; want the payment", from, got, err)
		}
		if !genuine && !errors.Is(err, ports.ErrForged) {
			t.Errorf("from %s: %+v, %v; want ErrForged", from, got, err)
		}
	}
	if _, err := y.ReadNotification(ports.Notification{Body: []byte(notice)}); !errors.Is(err, ports.ErrForged) {
		t.Errorf("from no address: %v, want ErrForged", err)
	}
}

func TestReadNotification_ConfiguredNetworks(t *testing.T) {
	t.Parallel()
	y := newAdapter(t, "http://127.0.0.1:1", func(c *yookassa.Config) {
		c.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for from, want := range map[string]error{"127.0.0.1": nil, "185.71.76.1": ports.ErrForged} {
		if _, err := y.ReadNotification(ports.Notification{Body: []byte(notice), From: netip.MustParseAddr(from)}); !errors.Is(err, want) {
			t.Errorf("from %s: %v, want %v", from, err, want)
		}
	}
}

func TestReadNotification_Body(t *testing.T) {
	t.Parallel()
	y := newAdapter(t, "http://127.0.0.1:1")
	irrelevant := ports.Notice{}
	for body, want := range map[string]ports.Notice{
		notice: {Key: key, ProviderRef: "ref-1"},
		`{"type":"notification","event":"payment.canceled","object":{"id":"ref-1"}}`:                                                                                  {ProviderRef: "ref-1"},
		`{"type":"notification","event":"payment.waiting_for_capture","object":{"id":"ref-1","metadata":null}}`:                                                       {ProviderRef: "ref-1"},
		`{"type":"notification","event":"refund.succeeded","object":{"id":"r","payment_id":"ref-1","metadata":{"refund_id":"x","payment_id":"` + string(key) + `"}}}`: {RefundRef: "r"},
		`{"type":"notification","event":"refund.succeeded","object":{"id":"r\u0000"}}`:                                                                                irrelevant,
		`{"type":"notification","event":"refund.succeeded","object":{"payment_id":"ref-1"}}`:                                                                          irrelevant,
		`{"type":"notification","event":"payment_method.active","object":{"id":"m"}}`:                                                                                 {ProviderRef: "m"},
		`{"type":"notification","event":"payout.succeeded","object":{"id":"m"}}`:                                                                                      irrelevant,
		`{"type":"notification","event":"payment.succeeded","object":{}}`:                                                                                             irrelevant,
		`{"type":"other","event":"payment.succeeded","object":{"id":"ref-1"}}`:                                                                                        irrelevant,
		`{"type":"notification","event":"payment.succeeded","object":{"id":1}}`:                                                                                       irrelevant,
		`{"event":`: irrelevant,
		``:          irrelevant,
		`null`:      irrelevant,
	} {
		got, err := y.ReadNotification(ports.Notification{Body: []byte(body), From: netip.MustParseAddr("185.71.76.1")})
		if want == irrelevant && !errors.Is(err, ports.ErrIrrelevant) || want != irrelevant && err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", body, got, err, want)
		}
	}
}

// The fake sends a notification that the adapter understands.
func TestFake_Notifies(t *testing.T) {
	t.Parallel()
	var body []byte
	f := fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey, Notify: func(_ context.Context, b []byte) { body = b }})
	server := httptest.NewServer(http.Handler(f))
	defer server.Close()
	y := newAdapter(t, server.URL+"/v3")
	o, err := y.Charge(t.Context(), onPage())
	if err != nil {
		t.Fatal(err)
	}
	if err := reply(t.Context(), o.ActionURL, "approve", ""); err != nil {
		t.Fatal(err)
	}
	got, err := y.ReadNotification(ports.Notification{Body: body, From: netip.MustParseAddr("185.71.76.1")})
	if want := (ports.Notice{Key: key, ProviderRef: o.ProviderRef}); err != nil || got != want {
		t.Errorf("ReadNotification = %+v, %v; want %+v", got, err, want)
	}
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*yookassa.Config){
		"no shop":                  func(c *yookassa.Config) { c.ShopID = "" },
		"shop with a colon":        func(c *yookassa.Config) { c.ShopID = "12:34" },
		"no key":                   func(c *yookassa.Config) { c.SecretKey = billing.Secret{} },
		"key with a line break":    func(c *yookassa.Config) { c.SecretKey = billing.NewSecret(secretKey + "\n") },
		"return URL without https": func(c *yookassa.Config) { c.ReturnURL = "cinema.example" },
		"no clock":                 func(c *yookassa.Config) { c.Now = nil },
		"negative limit":           func(c *yookassa.Config) { c.MaxConcurrent = -1 },
		"http":                     func(c *yookassa.Config) { c.BaseURL = "http://api.yookassa.ru/v3" },
		"slash at the end":         func(c *yookassa.Config) { c.BaseURL = "https://api.yookassa.ru/v3/" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := newConfig()
			spoil(&cfg)
			y, err := yookassa.New(cfg)
			if err == nil || y != nil {
				t.Fatal("New has no error")
			}
			expectNoLeak(t, err)
		})
	}
	if _, err := yookassa.New(newConfig()); err != nil {
		t.Errorf("New = %v, want none", err)
	}
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	c := newAdapter(t, "http://127.0.0.1:1").Capabilities()
	if len(c.Accepts) != 1 || c.Accepts[0] != ports.ByPage {
		t.Errorf("it accepts %v, want pages only", c.Accepts)
	}
	if c.Horizon.Hours() != 23 || c.Settling.Minutes() != 5 {
		t.Errorf("the limits are %+v, want 23 hours and 5 minutes", c.KeyLimits)
	}
}
