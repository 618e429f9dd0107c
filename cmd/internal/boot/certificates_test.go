package boot_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// certFiles names the files of a certificate and its key.
type certFiles struct{ cert, key string }

// replace writes a new certificate for the name.
func (f certFiles) replace(t *testing.T, name string) {
	t.Helper()
	cert, key := newCertificate(t, name)
	write(t, f.cert, cert)
	write(t, f.key, key)
}

func newCertificate(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
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

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newCertFiles(t *testing.T) certFiles {
	t.Helper()
	dir := t.TempDir()
	f := certFiles{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	f.replace(t, "first")
	return f
}

func (f certFiles) edge() boot.Edge { return boot.Edge{TLSCertFile: f.cert, TLSKeyFile: f.key} }

func TestCertificates_ReloadAtRunTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newCertFiles(t)
		var log bytes.Buffer
		c, err := f.edge().Certificates(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		config := c.Config()
		expect := func(step, want string) {
			t.Helper()
			cert, err := config.GetCertificate(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			if got := cert.Leaf.Subject.CommonName; got != want {
				t.Errorf("%s: the certificate is %s, want %s", step, got, want)
			}
		}
		expect("at the start", "first")
		f.replace(t, "second")
		time.Sleep(10*time.Second - 1)
		expect("before the next check", "first")
		time.Sleep(time.Nanosecond)
		expect("after the next check", "second")

		cert, key := newCertificate(t, "third")
		write(t, f.cert, cert)
		for range 3 {
			time.Sleep(10 * time.Second)
			expect("with one file new and one old", "second")
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("%d errors were logged, want 1:\n%s", n, &log)
		}
		write(t, f.key, key)
		time.Sleep(10 * time.Second)
		expect("with both new", "third")
		if err := os.Remove(f.cert); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		expect("with the file gone", "third")
		if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
			t.Errorf("%d errors were logged, want 2:\n%s", n, &log)
		}
	})
}

func TestCertificates_NoneIsPlainHTTP(t *testing.T) {
	t.Parallel()
	c, err := boot.Edge{}.Certificates(slog.New(slog.DiscardHandler))
	if c != nil || err != nil {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestLoad_CertificateFiles(t *testing.T) {
	t.Parallel()
	f, other := newCertFiles(t), newCertFiles(t)
	other.replace(t, "other")
	tests := map[string]struct {
		cert, key string
		want      string
	}{
		"both":                  {f.cert, f.key, ""},
		"neither":               {"", "", ""},
		"no key":                {f.cert, "", "must both be set or neither"},
		"no certificate":        {"", f.key, "must both be set or neither"},
		"another's key":         {f.cert, other.key, "private key does not match public key"},
		"no such file":          {f.cert, "/nowhere/tls.key", "no such file"},
		"a key as certificate":  {f.key, f.key, "cannot be used"},
		"not a key in any form": {f.cert, f.cert, "cannot be used"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := boot.Load[boot.API](environ(t, "BILLING_TLS_CERT_FILE="+test.cert, "BILLING_TLS_KEY_FILE="+test.key))
			got := strings.Join(faults(t, err), "\n")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("faults %q, want %q", got, test.want)
			}
			if strings.Contains(got, "BEGIN") {
				t.Errorf("the fault quotes a file: %s", got)
			}
			scheme, _, _ := strings.Cut(cfg.URL(":443"), ":")
			if err == nil && (scheme == "https") != (test.cert != "") {
				t.Errorf("the scheme is %s", scheme)
			}
		})
	}
}
