package auth

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

const (
	fetchTimeout = 3 * time.Second // the whole exchange, body included
	maxKeySet    = 1 << 20         // bytes, after decompression
)

// checkURL accepts an https URL, and an http one where that is allowed: who can
// change the key set on its way can be any viewer.
func checkURL(raw string, allowHTTP bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the JWKS URL is not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("the JWKS URL is not an https URL")
	case u.Scheme == "http" && !allowHTTP:
		return errors.New("the JWKS URL is http: https is needed")
	}
	return nil
}

// newClient follows no redirects (they could lead out of https, or to a host
// that nobody configured) and reads no answer without end.
func newClient(via http.RoundTripper) *http.Client {
	if via == nil {
		via = http.DefaultTransport
	}
	return &http.Client{
		Transport: boundedTransport{via},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("redirects are not followed")
		},
	}
}

type boundedTransport struct{ via http.RoundTripper }

func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.via.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxKeySet)
	return resp, nil
}
