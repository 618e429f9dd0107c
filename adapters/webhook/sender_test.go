package webhook

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func config() Config {
	return Config{Allowed: loopback, AllowHTTP: true, UserAgent: "billing-api/v1", Timeout: 10 * time.Second, Now: time.Now}
}

func webhook(t *testing.T, url string) ports.Webhook {
	t.Helper()
	var secrets []billing.WebhookSecret
	for n := range byte(2) {
		s, err := billing.NewWebhookSecret([]byte(strings.Repeat(string('a'+rune(n)), 32)))
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, s)
	}
	return ports.Webhook{URL: url, ID: "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80", At: time.Now(), Body: []byte(`{"type":"renewed"}`), Secrets: secrets}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// The independent library accepts the request with the old and with the new secret.
func TestSend_VerifiedByStandardWebhooks(t *testing.T) {
	t.Parallel()
	var w ports.Webhook
	received := make(chan error, 3)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		received <- err
		for _, secret := range w.Secrets {
			verifier, err := standardwebhooks.NewWebhook(secret.Reveal())
			if err != nil {
				received <- err
				continue
			}
			received <- verifier.Verify(body, r.Header)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || !json.Valid(body) {
			t.Errorf("%s with %v and the body %s", r.Method, r.Header, body)
		}
	})
	w = webhook(t, s.URL)
	if r := New(config()).Send(t.Context(), w); r.Status != http.StatusOK {
		t.Fatalf("got %+v, want status 200", r)
	}
	for range 3 {
		if err := <-received; err != nil {
			t.Error(err)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	office := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}
	for address, want := range map[string]struct{ public, office bool }{
		"93.184.216.34:443":             {true, true},
		"[2606:2800:220:1::1]:8443":     {true, true},
		"127.0.0.1:443":                 {},
		"[::1]:443":                     {},
		"[::ffff:127.0.0.1]:443":        {},
		"[::ffff:10.1.0.1]:443":         {office: true},
		"[::ffff:93.184.216.34]:443":    {true, true},
		"[64:ff9b::7f00:1]:443":         {},
		"[::7f00:1]:443":                {},
		"10.1.2.3:443":                  {office: true},
		"10.2.0.1:443":                  {},
		"172.16.0.1:443":                {},
		"192.168.1.1:443":               {},
		"169.254.169.254:80":            {},
		"100.64.0.1:443":                {},
		"100.100.100.200:80":            {},
		"0.0.0.0:443":                   {},
		"[::]:443":                      {},
		"255.255.255.255:443":           {},
		"224.0.0.1:443":                 {},
		"198.18.0.1:443":                {},
		"[fc00::1]:443":                 {},
		"[fd00:1::1]:443":               {office: true},
		"[fd00:ec2::254]:80":            {},
		"[fe80::1]:443":                 {},
		"[fe80::1%eth0]:443":            {},
		"[ff02::1]:443":                 {},
		"[2002:7f00:1::]:443":           {},
		"[2001:db8::1]:443":             {},
		"metadata.google.internal:80":   {},
		"127.0.0.1":                     {},
		"/var/run/docker.sock":          {},
		"0x7f.1:80":                     {},
		"[fd00:1::1%eth0]:443":          {office: true},
		"2130706433:80":                 {},
		"[2001:0000:4136:e378::1]:443":  {},
		"[64:ff9b:1::a01:203]:443":      {},
		"[::ffff:0:127.0.0.1]:443":      {},
		"[100::1]:443":                  {},
		"[3fff::1]:443":                 {},
		"192.0.0.192:80":                {},
		"[2620:4f:8000::1]:443":         {},
		"[::ffff:169.254.169.254]:80":   {},
		"[::ffff:100.64.0.1]:443":       {},
		"203.0.113.7:443":               {},
		"240.0.0.1:443":                 {},
		"192.88.99.1:443":               {},
		"[2a00:1450:4001:830::200e]:80": {true, true},
	} {
		if got := Control(nil)("tcp", address, nil) == nil; got != want.public {
			t.Errorf("%s is allowed: %t, want %t", address, got, want.public)
		}
		if got := Control(office)("tcp", address, nil) == nil; got != want.office {
			t.Errorf("%s is allowed with the networks %v: %t, want %t", address, office, got, want.office)
		}
	}
}

func TestSend_ForbiddenAddresses(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cfg := config()
	cfg.Allowed = nil
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0x7f000001", "2130706433", "0177.0.0.1"} {
		r := New(cfg).Send(t.Context(), webhook(t, "http://"+net.JoinHostPort(strings.Trim(host, "[]"), port)))
		if r.Status != 0 || r.Failure != billing.WebhookForbiddenAddress && r.Failure != billing.WebhookUnknownHost {
			t.Errorf("%s: got %+v, want a forbidden address", host, r)
		}
	}
	for _, url := range []string{"http://user:password@127.0.0.1:" + port, "ftp://127.0.0.1:" + port, "http://", "://", "/path", "http://127.0.0.1:" + port + "\n"} {
		if r := New(config()).Send(t.Context(), webhook(t, url)); r.Failure != billing.WebhookForbiddenAddress {
			t.Errorf("%s: got %+v, want a refusal", url, r)
		}
	}
	cfg = config()
	cfg.AllowHTTP = false
	if r := New(cfg).Send(t.Context(), webhook(t, s.URL)); r.Failure != billing.WebhookForbiddenAddress {
		t.Errorf("http in production: got %+v, want a refusal", r)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests were sent, want none", n)
	}
}

// A name that gets another address after a first look is refused.
func TestSend_RebindingName(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var address atomic.Pointer[[4]byte]
	cfg := config()
	cfg.Resolver = resolver(t, &address)
	sender := New(cfg)
	address.Store(&[4]byte{127, 0, 0, 1})
	if r := sender.Send(t.Context(), webhook(t, "http://crm.example:"+port)); r.Status != http.StatusOK {
		t.Fatalf("with an allowed address: %+v", r)
	}
	sender.client.CloseIdleConnections()
	address.Store(&[4]byte{127, 0, 0, 2})
	if r := sender.Send(t.Context(), webhook(t, "http://crm.example:"+port)); r.Failure != billing.WebhookForbiddenAddress {
		t.Errorf("with another address: %+v, want a forbidden address", r)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// resolver returns a resolver that resolves every name to the address.
func resolver(t *testing.T, address *atomic.Pointer[[4]byte]) *net.Resolver {
	t.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server, address)
		return client, nil
	}}
}

// answer answers one query in the form of DNS over TCP, which a pipe looks like.
func answer(c net.Conn, address *atomic.Pointer[[4]byte]) {
	defer func() { _ = c.Close() }()
	length := make([]byte, 2)
	if _, err := io.ReadFull(c, length); err != nil {
		return
	}
	text := make([]byte, int(length[0])<<8|int(length[1]))
	var query dnsmessage.Message
	if _, err := io.ReadFull(c, text); err != nil || query.Unpack(text) != nil {
		return
	}
	query.Response, query.Additionals = true, nil
	if q := query.Questions[0]; q.Type == dnsmessage.TypeA {
		query.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: *address.Load()},
		}}
	}
	packed, err := query.Pack()
	if err != nil {
		return
	}
	_, _ = c.Write(append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...))
}

func TestSend_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var followed atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if r := New(config()).Send(t.Context(), webhook(t, s.URL)); r.Status != status || r.Result() == billing.WebhookDelivered {
			t.Errorf("got %+v, want status %d", r, status)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestSend_Failures(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	hangs := make(chan struct{})
	slow := serve(t, func(http.ResponseWriter, *http.Request) { <-hangs })
	t.Cleanup(func() { close(hangs) })
	untrusted := httptest.NewTLSServer(nil)
	t.Cleanup(untrusted.Close)
	drops := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	})
	for name, test := range map[string]struct {
		url  string
		want billing.WebhookFailure
	}{
		"nothing listens":       {closed.URL, billing.WebhookNotConnected},
		"no response":           {slow.URL, billing.WebhookTimeout},
		"untrusted certificate": {untrusted.URL, billing.WebhookTLS},
		"not TLS":               {strings.Replace(drops.URL, "http:", "https:", 1), billing.WebhookNoResponse},
		"connection ends":       {drops.URL, billing.WebhookNoResponse},
		"unknown host":          {"http://nothing.invalid", billing.WebhookUnknownHost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			if test.want == billing.WebhookTimeout {
				cfg.Timeout = 50 * time.Millisecond
			}
			if r := New(cfg).Send(t.Context(), webhook(t, test.url)); r.Status != 0 || r.Failure != test.want && test.want != billing.WebhookUnknownHost {
				t.Errorf("got %+v, want %s", r, test.want)
			}
		})
	}
}

func TestSend_TrustedCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	cfg := config()
	cfg.AllowHTTP, cfg.RootCAs = false, x509.NewCertPool()
	cfg.RootCAs.AddCert(s.Certificate())
	if r := New(cfg).Send(t.Context(), webhook(t, s.URL)); r.Status != http.StatusOK {
		t.Errorf("got %+v, want status 200", r)
	}
}

func TestSend_RetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "99999999": 24 * time.Hour,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour,
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		r := New(config()).Send(t.Context(), webhook(t, s.URL))
		if r.Status != 503 || (r.RetryAfter-want).Abs() > 5*time.Second {
			t.Errorf("Retry-After: %s gives %v, want %v", header, r.RetryAfter, want)
		}
	}
}

// A response without an end is not read to its end.
func TestSend_EndlessResponse(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for r.Context().Err() == nil {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if r := New(config()).Send(t.Context(), webhook(t, s.URL)); r.Status != http.StatusOK {
		t.Fatalf("got %+v, want status 200", r)
	}
	s.CloseClientConnections()
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%s bytes were read", strconv.FormatInt(n, 10))
	}
}

func TestSend_UsesNoProxyOfEnvironment(t *testing.T) {
	t.Parallel()
	if New(config()).client.Transport.(*http.Transport).Proxy != nil {
		t.Error("the client has a proxy")
	}
}
