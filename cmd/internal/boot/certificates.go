package boot

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateAge is the interval at which handshakes check the files for a new
// certificate.
const certificateAge = 10 * time.Second

// Certificates serves a certificate whose files may be replaced at run time.
// Handshakes use the new one within seconds. If the files cannot be used, for
// example because only one of the two is new, the old certificate stays in use.
type Certificates struct {
	files Edge
	now   func() time.Time
	log   *slog.Logger

	mu        sync.Mutex
	pair      pair
	checkedAt time.Time
	lastError string // already logged; empty after a successful check
}

// pair holds the content of both files and the certificate parsed from it.
type pair struct {
	cert, key []byte
	tls       tls.Certificate
}

func newCertificates(files Edge, now func() time.Time, log *slog.Logger) (*Certificates, error) {
	first, err := files.readPair()
	if err != nil {
		return nil, err
	}
	return &Certificates{files: files, now: now, log: log, pair: first, checkedAt: now()}, nil
}

func (e Edge) readPair() (p pair, err error) {
	if p.cert, err = os.ReadFile(e.TLSCertFile); err != nil {
		return p, err
	}
	if p.key, err = os.ReadFile(e.TLSKeyFile); err != nil {
		return p, err
	}
	p.tls, err = tls.X509KeyPair(p.cert, p.key)
	return p, err
}

// Config returns the TLS configuration of a server: TLS 1.2 or newer, HTTP/2 if
// the client supports it.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current(), nil
		},
	}
}

func (c *Certificates) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checkedAt) >= certificateAge {
		c.checkedAt = now
		c.reload()
	}
	used := c.pair.tls
	return &used
}

func (c *Certificates) reload() {
	next, err := c.files.readPair()
	switch {
	case err != nil && err.Error() != c.lastError:
		c.lastError = err.Error()
		c.log.Error("cannot reload the TLS certificate; the old one stays in use",
			"cert_file", c.files.TLSCertFile, "error", err)
	case err == nil && (!bytes.Equal(next.cert, c.pair.cert) || !bytes.Equal(next.key, c.pair.key)):
		c.pair, c.lastError = next, ""
		c.log.Info("loaded a new TLS certificate", "cert_file", c.files.TLSCertFile, "expires", next.tls.Leaf.NotAfter)
	case err == nil:
		c.lastError = ""
	}
}
