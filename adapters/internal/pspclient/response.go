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

// RetryAfter returns the time of a header Retry-After (RFC 9110 §10.2.3), which is in seconds
// or a date, at most most. It is 0 if the value is empty or invalid.
func RetryAfter(value string, now time.Time, most time.Duration) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, most)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), most)
	}
	return 0
}
