package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	fetchTimeout = 3 * time.Second // the whole exchange, body included
	maxKeySet    = 1 << 20         // bytes, after decompression
)

// checkURL accepts an https URL, and an http URL if allowHTTP is set. An attacker
// who can change the key set in transit can impersonate any viewer.
func checkURL(raw string, allowHTTP bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the JWKS URL is not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("the JWKS URL is not an https URL")
	case u.Scheme == "http" && !allowHTTP:
		return errors.New("the JWKS URL is http: https is required")
	}
	return nil
}

// newClient returns a client that follows no redirects and reads at most maxKeySet
// bytes of a response. A redirect could lead to plain http or to a host that the
// operator did not configure.
func newClient(base http.RoundTripper) *http.Client {
	if base == nil {
		base = http.DefaultTransport
	}
	return &http.Client{
		Transport: limitedTransport{base},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("redirects are not followed")
		},
	}
}

type limitedTransport struct{ base http.RoundTripper }

func (t limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxKeySet)
	return resp, nil
}

// fetchKeys fetches the keys of a JWKS (RFC 7517 §5), each as it was sent.
func fetchKeys(ctx context.Context, client *http.Client, url string) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the JWKS URL responds with status %d", resp.StatusCode)
	}
	// Not the strict reader of tokens: it would refuse the set for a fault in one key.
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("the JWKS URL does not respond with a key set: %w", err)
	}
	return set.Keys, nil
}
