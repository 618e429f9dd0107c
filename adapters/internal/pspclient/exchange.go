package pspclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/online-cinema/billing/core/ports"
)

// maxBody bounds the body of a response, in bytes and after decompression.
const maxBody = 1 << 20

// Request is a request to the payment system. Do does not change it, so it can be sent
// again and is the same to the byte.
type Request struct {
	Method string
	// Path follows the base URL. It begins with a slash and is escaped; it may have a
	// query.
	Path   string
	Header http.Header
	Body   []byte
}

// Response is a response that was read completely.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends the request once and returns the response, with any status. It follows no
// redirect.
//
//	ErrNotSent   the request was not sent, or ctx ended while it waited for a slot
//	*BusyError   status 429; the response is returned too
//	any other    the request was sent; its effect is unknown
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	leave, err := c.enter(ctx)
	if err != nil {
		return Response{}, notSent(err)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var written atomic.Bool
	req, err := http.NewRequestWithContext(withTrace(ctx, &written), r.Method, c.base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, notSent(errors.New("the request is malformed"))
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	resp, err := c.exchange(req)
	if err == nil && resp.Status == http.StatusTooManyRequests {
		return resp, &ports.BusyError{After: RetryAfter(resp.Header.Get("Retry-After"), c.now(), maxRetryAfter)}
	}
	if err == nil {
		return resp, nil
	}
	if !written.Load() {
		return Response{}, notSent(describe(ctx, err))
	}
	return Response{}, describe(ctx, err)
}

// withTrace sets written before a complete request can leave. net/http calls WroteHeaders
// while the end of the headers is still in its buffer.
func withTrace(ctx context.Context, written *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { written.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { written.Store(true) },
	})
}

func (c *Client) exchange(req *http.Request) (Response, error) {
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return Response{}, err
	case len(body) > maxBody:
		return Response{}, errTooLong
	default:
		return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
	}
}

// enter waits for a slot and for the rate limit. The caller must call leave.
func (c *Client) enter(ctx context.Context) (leave func(), err error) {
	select {
	case <-ctx.Done():
		return nil, errNoSlot
	case c.slots <- struct{}{}:
	}
	leave = func() { <-c.slots }
	if ctx.Err() != nil || c.limiter.Wait(ctx) != nil {
		leave()
		return nil, errNoSlot
	}
	return leave, nil
}
