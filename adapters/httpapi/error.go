package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
)

// failure is what is wrong with a request before any use case sees it.
type failure struct {
	status int
	code   string
	detail string

	retryAfter int // seconds; 0 when coming again is no use
}

func (f *failure) Error() string { return f.detail }

var (
	errNotAuthenticated = fails(http.StatusUnauthorized, "unauthenticated", "a valid bearer token is needed")
	errMethod           = fails(http.StatusMethodNotAllowed, "method_not_allowed", "this path does not take this method")
	errTooLarge         = fails(http.StatusRequestEntityTooLarge, "request_too_large", "the body is longer than 16 KiB")
	errMediaType        = fails(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be application/json")
)

func fails(status int, code, detail string) *failure {
	return &failure{status: status, code: code, detail: detail}
}

// malformed is a request that cannot be read as what it should be.
func malformed(detail string) error {
	return fails(http.StatusBadRequest, "malformed_request", detail)
}

// statuses is the one table from what went wrong to what is answered.
var statuses = map[billing.Kind]int{
	billing.NotFound:    http.StatusNotFound,
	billing.Invalid:     http.StatusUnprocessableEntity,
	billing.Conflict:    http.StatusConflict,
	billing.Forbidden:   http.StatusForbidden,
	billing.Declined:    http.StatusPaymentRequired,
	billing.Unavailable: http.StatusServiceUnavailable,
	billing.Limited:     http.StatusTooManyRequests,
}

// problemOf says what the client is told about err.
func problemOf(err error, requestID string) api.Problem {
	p := api.Problem{Type: "about:blank", RequestId: requestID}
	p.Status, p.Code, p.Detail = explain(err)
	p.Title = http.StatusText(p.Status)
	addMembers(&p, err)
	return p
}

func explain(err error) (status int, code, detail string) {
	var known *billing.Error
	var wrong *failure
	switch {
	case errors.As(err, &wrong):
		return wrong.status, wrong.code, wrong.detail
	case errors.As(err, &known) && statuses[known.Kind] != 0:
		return statuses[known.Kind], known.Code, known.Message
	case errors.Is(err, billing.Unavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, billing.ErrUnavailable.Code, billing.ErrUnavailable.Message
	default:
		return http.StatusInternalServerError, "internal_error", "internal error"
	}
}

// addMembers adds what only some problems have.
func addMembers(p *api.Problem, err error) {
	var changed *billing.PriceChangedError
	var declined *billing.DeclinedError
	var invalid *billing.InvalidError
	var limited *billing.LimitedError
	switch {
	case errors.As(err, &limited):
		p.Detail = limited.Error()
	case errors.As(err, &changed):
		p.Detail, p.CurrentPrice = changed.Error(), new(money(changed.Current))
	case errors.As(err, &declined):
		p.Detail, p.DeclineCode = declined.Error(), new(string(declined.Code))
	case errors.As(err, &invalid):
		p.Detail, p.Errors = invalid.Error(), new(mapped(invalid.Faults, fieldError))
	}
}

func fieldError(f billing.Fault) api.FieldError {
	return api.FieldError{Field: f.Field, Message: f.Message}
}

// problemAnswer renders err, and logs whole what the client is not told.
func (s *server) problemAnswer(ctx context.Context, err error) answer {
	info := infoOf(ctx)
	p := problemOf(err, info.requestID)
	s.logFailure(ctx, p.Status, err)
	body, broken := json.Marshal(p)
	if broken != nil { // a struct of strings and numbers
		panic(broken)
	}
	return answer{status: p.Status, body: body, retryAfter: retryAfter(p.Status, err)}
}

// retryAfter says in how many seconds to come again; 0 says nothing.
func retryAfter(status int, err error) int {
	var f *failure
	var limited *billing.LimitedError
	switch {
	case errors.As(err, &limited):
		return int(math.Ceil(limited.RetryAfter.Seconds()))
	case status == http.StatusServiceUnavailable:
		return 5
	case errors.As(err, &f):
		return f.retryAfter
	default:
		return 0
	}
}

// logFailure logs faults of ours, and what we need and cannot reach. The
// client's own failures are in the access log.
func (s *server) logFailure(ctx context.Context, status int, err error) {
	switch {
	case status == http.StatusServiceUnavailable && ctx.Err() == nil:
		s.Log.LogAttrs(ctx, slog.LevelWarn, "unavailable", slog.Any("error", err))
	case status == http.StatusInternalServerError:
		s.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.Any("error", err))
	}
}

// fail answers a request with err.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.problemAnswer(r.Context(), err).write(w)
}
