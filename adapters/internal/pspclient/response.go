package pspclient

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds the time that a payment system asks the service to wait.
const maxRetryAfter = time.Hour

// JSON decodes the body into v. It returns an error without a word of the body if the
// body is not one complete JSON value of that form.
func (r Response) JSON(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return errUnreadable
	}
	return nil
}

// retryAfter returns the time of the header Retry-After (RFC 9110 §10.2.3), at most
// maxRetryAfter, or 0 if it is missing or invalid.
func (c *Client) retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(c.now()), 0), maxRetryAfter)
	}
	return 0
}
