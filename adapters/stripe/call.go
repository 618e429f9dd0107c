package stripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Header of requests and responses.
const (
	keyHeader    = "Idempotency-Key"
	replayHeader = "Idempotent-Replayed" // true if the response is a recorded one
)

// call is a request to Stripe. Its form is the query of a GET and the body of a POST.
type call struct {
	method, path string
	form         url.Values
	key          string // idempotency key of a POST
}

// send sends the call and decodes the response into v. While another request with the same
// key is running there, send repeats the call until ctx ends. Errors are those of
// [ports.Provider], or an *apiError.
func (s *Stripe) send(ctx context.Context, c call, v any) (replayed bool, err error) {
	running := false
	for n := 0; ; n++ {
		replayed, err = s.sendOnce(ctx, c, v)
		switch {
		case isRunning(err):
			running = true
		case running && (errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials)):
			return false, errRunning // the other request may move money
		default:
			return replayed, err
		}
		if s.pause(ctx, n) != nil {
			return false, errRunning
		}
	}
}

func (s *Stripe) sendOnce(ctx context.Context, c call, v any) (replayed bool, err error) {
	resp, err := s.client.Do(ctx, s.request(c))
	busy := (*ports.BusyError)(nil)
	if err != nil && !errors.As(err, &busy) {
		return false, err
	}
	if resp.Status != http.StatusOK {
		return false, newAPIError(resp, err)
	}
	return resp.Header.Get(replayHeader) == "true", resp.JSON(v)
}

// request returns the request of a call. The same call gives the same bytes.
func (s *Stripe) request(c call) pspclient.Request {
	r := pspclient.Request{Method: c.method, Path: c.path, Header: http.Header{
		"Authorization":  {"Bearer " + s.cfg.SecretKey.Reveal()},
		"Stripe-Version": {Version},
	}}
	if c.method == http.MethodGet {
		if len(c.form) > 0 {
			r.Path += "?" + c.form.Encode()
		}
		return r
	}
	r.Body = []byte(c.form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.key != "" {
		r.Header.Set(keyHeader, c.key)
	}
	return r
}

func (s *Stripe) get(ctx context.Context, path string, query url.Values, v any) error {
	_, err := s.send(ctx, call{method: http.MethodGet, path: path, form: query}, v)
	return err
}

// pause waits before the n-th repetition of a call: 250 ms, later up to 2 seconds.
func pause(ctx context.Context, n int) error {
	return ports.Wait(ctx, min(250*time.Millisecond<<min(n, 3), 2*time.Second))
}

// keyOf returns the idempotency key of one step of a charge.
func keyOf(id billing.PaymentID, step string) string { return string(id) + ":" + step }

// isID reports whether text can be an id of Stripe, which is safe in a path.
func isID(text string) bool {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}
	return text != "" && len(text) <= 255 && !strings.ContainsFunc(text, other)
}
