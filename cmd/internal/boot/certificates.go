package boot

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a certificate is used before its files are looked
// at again.
const certificateAge = 10 * time.Second

// Certificates is a certificate in files that may be replaced while it is used:
// handshakes notice within seconds. Files that cannot be used, be it because
// one of the two is new and the other is not yet, change nothing.
type Certificates struct {
	files Edge
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex
	pair   pair
	looked time.Time
	told   string // the last thing that was wrong
}

// pair is what the files hold, and what it means.
type pair struct {
	cert, key []byte
	tls       tls.Certificate
}

func newCertificates(files Edge, now func() time.Time, log *slog.Logger) (*Certificates, error) {
	first, err := files.readPair()
	if err != nil {
		return nil, err
	}
	return &Certificates{files: files, now: now, log: log, pair: first, looked: now()}, nil
}

func (s Edge) readPair() (p pair, err error) {
	if p.cert, err = os.ReadFile(s.TLSCertFile); err != nil {
		return p, err
	}
	if p.key, err = os.ReadFile(s.TLSKeyFile); err != nil {
		return p, err
	}
	p.tls, err = tls.X509KeyPair(p.cert, p.key)
	return p, err
}

// Config is for a server: TLS 1.2 or newer, HTTP/2 where the client can.
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
	if now := c.now(); now.Sub(c.looked) >= certificateAge {
		c.looked = now
		c.look()
	}
	used := c.pair.tls
	return &used
}

func (c *Certificates) look() {
	next, err := c.files.readPair()
	switch {
	case err != nil && err.Error() != c.told:
		c.told = err.Error()
		c.log.Error("the TLS certificate cannot be read again; the one from before is used",
			"cert_file", c.files.TLSCertFile, "error", err)
	case err == nil && (!bytes.Equal(next.cert, c.pair.cert) || !bytes.Equal(next.key, c.pair.key)):
		c.pair, c.told = next, ""
		c.log.Info("a new TLS certificate is used", "cert_file", c.files.TLSCertFile, "expires", next.tls.Leaf.NotAfter)
	case err == nil:
		c.told = ""
	}
}
