package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The signal arrives while two hundred viewers wait for their payments. All of them
// receive a response, and so do clients that connect during the delay.
func TestShutdown_AnswersAllRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api", "BILLING_SHUTDOWN_DELAY=5s")
	const viewers = 200
	counts := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	var sent atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { sent.Add(1) },
	})
	for i := range viewers {
		v := a.at(w.viewer(t, fmt.Sprint("viewer-", i)))
		all.Go(func() {
			got, err := v.try(ctx, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_slow"))
			mu.Lock()
			defer mu.Unlock()
			counts[fmt.Sprint(got.status, " ", err)]++
		})
	}
	eventually(t, "last request sent", func() bool { return sent.Load() == viewers })
	a.signal(t, syscall.SIGTERM)
	eventually(t, "failing readiness probe", func() bool { return ready(t, a) == http.StatusServiceUnavailable })
	for range 50 { // each over its own connection
		if got := a.at(viewer{}).call(t, http.MethodGet, "/v1/plans", "", ""); got.status != http.StatusOK {
			t.Errorf("during the delay: %d %s, want 200", got.status, got.text)
		}
	}
	all.Wait()
	if counts["201 <nil>"] != viewers {
		t.Errorf("responses %v, want %d times 201", counts, viewers)
	}
	if code := a.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	w.checkLedger(t, viewers)
}

func TestAPI_HTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	pool := certificate(t, dir)
	a := w.api(t, "billing-api",
		"BILLING_TLS_CERT_FILE="+filepath.Join(dir, "tls.crt"), "BILLING_TLS_KEY_FILE="+filepath.Join(dir, "tls.key"))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: waitLimit}).Get(strings.Replace(a.base, "http:", "https:", 1) + "/v1/plans")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("response %s %s %v, want HTTP/2, 200 and Strict-Transport-Security", resp.Proto, resp.Status, resp.Header)
	}
	if resp, err := http.Get(a.base + "/v1/plans"); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP: %v, %v, want 400", resp, err)
	} else {
		_ = resp.Body.Close()
	}
}

// certificate writes a self-signed certificate to dir and returns a pool with it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	cert, key := selfSigned(t)
	for name, text := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

func TestAPI_RateLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api", "BILLING_RATE_USER=2/h", "BILLING_RATE_ADDRESS=5/h", "BILLING_TRUSTED_PROXIES=127.0.0.1")
	alice, bob := a.at(w.viewer(t, "alice")), a.at(w.viewer(t, "bob"))
	for i, step := range []struct {
		viewer viewer
		want   int
	}{{alice, 200}, {alice, 200}, {alice, 429}, {bob, 200}, {bob, 200}, {a.at(w.viewer(t, "carol")), 429}} {
		got := step.viewer.call(t, http.MethodGet, "/v1/entitlements", "", "")
		if got.status != step.want || step.want == 429 && got.body.Code != "rate_limited" {
			t.Errorf("request %d: %d %s, want %d", i+1, got.status, got.text, step.want)
		}
	}
	if got := ready(t, a); got != http.StatusOK {
		t.Errorf("readyz: status %d, want 200 without a limit", got)
	}
	// Another client of the same proxy has its own limit.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.base+"/v1/plans", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("another client of the proxy: status %d, want 200", resp.StatusCode)
	}
}

func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
