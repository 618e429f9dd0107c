package yookassa

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/ports"
)

// The pauses before a request is sent again.
const (
	minPause = time.Second
	maxPause = time.Minute
)

// result is the result of a POST.
type result struct {
	err   error
	again bool          // the outcome is unknown, and the same request will tell it
	after time.Duration // how long YooKassa asks to wait; 0 if it does not
}

// pause returns the time to wait before the next attempt. Without a request of YooKassa it
// doubles with each attempt.
func (r result) pause(attempt int) time.Duration {
	if r.after > 0 {
		return min(max(r.after, minPause/10), maxPause)
	}
	return min(minPause<<min(attempt, 10), maxPause)
}

// failure is the body of an error, or of a request that is still being processed.
type failure struct {
	Type       string `json:"type"`
	Code       string `json:"code"`
	Parameter  string `json:"parameter"`
	RetryAfter int64  `json:"retry_after"` // in milliseconds
}

func (f failure) after() time.Duration {
	return time.Duration(min(max(f.RetryAfter, 0), maxPause.Milliseconds())) * time.Millisecond
}

// resultOf interprets the response to a POST, or the error of the exchange. It decodes an
// object into v.
func resultOf(r pspclient.Response, err error, v any) result {
	var f failure
	_ = r.JSON(&f) // a body in another form leaves f empty
	switch {
	case err != nil:
		if busy := (*ports.BusyError)(nil); errors.As(err, &busy) && busy.After == 0 {
			err = &ports.BusyError{After: f.after()}
		}
		return result{err: err}
	case r.Status == http.StatusOK:
		return result{err: r.JSON(v)}
	case r.Status == http.StatusAccepted, r.Status >= http.StatusInternalServerError:
		return result{err: fmt.Errorf("the request is being processed; status %d", r.Status), again: true, after: f.after()}
	default:
		return result{err: f.refusal(r.Status)}
	}
}

// Parameters that errors name.
const (
	parameterMethod = "payment_method_id"
	parameterKey    = "Idempotence-Key"
)

// refusal returns the error of a response that refuses a request. A response that does not
// come from the API itself, such as that of a proxy, proves nothing.
func (f failure) refusal(status int) error {
	text := fmt.Sprintf("status %d, code %s, parameter %s", status, word(f.Code), word(f.Parameter))
	if f.Type != "error" || f.Code == "" {
		return errors.New(text)
	}
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return fmt.Errorf("%w: %s", f.invalid(), text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: %s", ports.ErrCredentials, text)
	default:
		return errors.New(text)
	}
}

// invalid returns the error of a request that YooKassa considers invalid.
func (f failure) invalid() error {
	switch f.Parameter {
	case parameterMethod:
		return ports.ErrTokenUnknown
	case parameterKey:
		return ports.ErrKeyConflict
	default:
		return ports.ErrRefused
	}
}
