package pspclient

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// These texts are in the request or the response of every test, and must be in no error.
const (
	secretKey   = "sk_key_of_the_shop"
	secretToken = "pm_token_of_the_viewer"
	secretWord  = "word_of_the_response"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// config returns the configuration of a client for url. Its limits never matter.
func config(url string) Config {
	return Config{
		BaseURL: url, Timeout: 10 * time.Second, MaxConcurrent: 10, PerSecond: 1000, Burst: 1000,
		Now: func() time.Time { return now },
	}
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.transport.CloseIdleConnections)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// request returns a request with secrets in its path, query, header and body.
func request() Request {
	return Request{
		Method: http.MethodPost, Path: "/v1/" + secretToken + "?token=" + secretToken,
		Header: http.Header{"Authorization": {"Bearer " + secretKey}},
		Body:   []byte("payment_method=" + secretToken),
	}
}

// do sends the request, and fails the test if the error contains a secret.
func do(t *testing.T, c *Client) (Response, error) {
	t.Helper()
	resp, err := c.Do(t.Context(), request())
	expectNoSecret(t, err)
	return resp, err
}

func expectNoSecret(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := fmt.Sprintf("%v %+v %#v", e, e, e)
		for _, secret := range []string{secretKey, secretToken, secretWord, "/v1/"} {
			if strings.Contains(text, secret) {
				t.Errorf("the error contains %q: %s", secret, text)
			}
		}
	}
}

func expectNotSent(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Do = %v, want ErrNotSent", err)
	}
}

func expectUnknown(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Do = %v, want an error with an unknown effect", err)
	}
}

// rawServer accepts connections and passes each to handle. It returns its address.
func rawServer(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			handle(conn)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// respondRaw reads a request and writes text as the response.
func respondRaw(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = conn.Write([]byte(text))
		}
	}
}

func poolOf(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}
