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

// httpError refuses a request before a use case runs.
type httpError struct {
	status int
	code   string
	detail string

	retryAfter int    // seconds; 0 sends no Retry-After
	challenge  string // value of WWW-Authenticate; empty sends none
}

func (e *httpError) Error() string { return e.detail }

var (
	errNotAuthenticated = newHTTPError(http.StatusUnauthorized, "unauthenticated",
		"the request has no valid bearer token; get a new one from the auth service").withChallenge("")
	errServiceToken = newHTTPError(http.StatusForbidden, "insufficient_scope",
		"the token belongs to a service, and this operation is for viewers; send the viewer's own token").
		withChallenge(`, error="insufficient_scope"`)
	errOfflineTokensOff = newHTTPError(http.StatusConflict, "offline_tokens_off",
		"this service has no key for offline tokens; leave out the parameter token")
	errMethod          = newHTTPError(http.StatusMethodNotAllowed, "method_not_allowed", "this path does not support this method; use one from Allow")
	errTooLarge        = newHTTPError(http.StatusRequestEntityTooLarge, "request_too_large", "the body is longer than 16 KiB")
	errServiceTooLarge = newHTTPError(http.StatusRequestEntityTooLarge, "request_too_large", "the body is longer than 32 KiB")
	errMediaType       = newHTTPError(http.StatusUnsupportedMediaType, "unsupported_media_type", "the Content-Type must be application/json")
)

// withChallenge returns e with a value of WWW-Authenticate (RFC 6750, section 3). params
// follow the realm.
func (e *httpError) withChallenge(params string) *httpError {
	with := *e
	with.challenge = `Bearer realm="billing"` + params
	return &with
}

// needsScope refuses a token without the scope of an operation.
func needsScope(scope string) *httpError {
	return newHTTPError(http.StatusForbidden, "insufficient_scope",
		"this operation needs a token with the scope "+scope+"; ask the auth service for one").
		withChallenge(`, error="insufficient_scope", scope="` + scope + `"`)
}

func newHTTPError(status int, code, detail string) *httpError {
	return &httpError{status: status, code: code, detail: detail}
}

// malformed returns the error for a request that cannot be parsed.
func malformed(detail string) error {
	return newHTTPError(http.StatusBadRequest, "malformed_request", detail)
}

// invalidField returns the error for a request with one invalid field.
func invalidField(field, message string) error {
	return &billing.InvalidError{Faults: []billing.Fault{{Field: field, Message: message}}}
}

// statuses maps kinds of errors to HTTP status codes.
var statuses = map[billing.Kind]int{
	billing.NotFound:    http.StatusNotFound,
	billing.Invalid:     http.StatusUnprocessableEntity,
	billing.Conflict:    http.StatusConflict,
	billing.Forbidden:   http.StatusForbidden,
	billing.Declined:    http.StatusPaymentRequired,
	billing.Unavailable: http.StatusServiceUnavailable,
	billing.Limited:     http.StatusTooManyRequests,
	billing.Expired:     http.StatusGone,
}

// problemOf returns the problem document for err.
func problemOf(err error, requestID string) api.Problem {
	p := api.Problem{Type: "about:blank", RequestId: requestID}
	p.Status, p.Code, p.Detail = explain(err)
	p.Title = http.StatusText(p.Status)
	addMembers(&p, err)
	return p
}

// explain returns the members that every problem has. It hides the text of
// internal errors.
func explain(err error) (status int, code, detail string) {
	var known *billing.Error
	var refused *httpError
	switch {
	case errors.As(err, &refused):
		return refused.status, refused.code, refused.detail
	case errors.As(err, &known) && statuses[known.Kind] != 0:
		return statuses[known.Kind], known.Code, known.Message
	case errors.Is(err, billing.Unavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, billing.ErrUnavailable.Code, billing.ErrUnavailable.Message
	default:
		return http.StatusInternalServerError, "internal_error", "internal error"
	}
}

// addMembers adds the members that only some problems have.
func addMembers(p *api.Problem, err error) {
	var changed *billing.PriceChangedError
	var taken *billing.PlanGroupTakenError
	var declined *billing.DeclinedError
	var invalid *billing.InvalidError
	var limited *billing.LimitedError
	var open *billing.PaymentOpenError
	switch {
	case errors.As(err, &limited):
		p.Detail = limited.Error()
	case errors.As(err, &changed):
		p.Detail, p.CurrentPrice, p.CurrentIntervalMonths = changed.Error(), new(money(changed.Current)), new(changed.CurrentMonths)
	case errors.As(err, &taken):
		p.Detail, p.SubscriptionId = taken.Error(), new(string(taken.Live.ID))
	case errors.As(err, &declined):
		p.Detail, p.DeclineCode = declined.Error(), new(string(declined.Code))
	case errors.As(err, &open):
		p.Detail, p.NextAction = open.Error(), redirect(open.ActionURL, open.ActionExpiresAt)
	case errors.As(err, &invalid):
		p.Detail, p.Errors = invalid.Error(), new(mapSlice(invalid.Faults, fieldError))
	}
}

func fieldError(f billing.Fault) api.FieldError {
	return api.FieldError{Field: f.Field, Message: f.Message}
}

// problemResponse renders err as a problem document. It logs the text that the
// document hides.
func (s *server) problemResponse(ctx context.Context, err error) response {
	p := problemOf(err, stateOf(ctx).requestID)
	s.logError(ctx, p.Status, err)
	body, marshalErr := json.Marshal(p)
	if marshalErr != nil { // cannot happen: a struct of strings and numbers
		panic(marshalErr)
	}
	return response{status: p.Status, body: body, retryAfter: retryAfter(p.Status, err), challenge: challenge(err)}
}

// challenge returns the value of WWW-Authenticate, or "" for an error that another token
// does not help against.
func challenge(err error) string {
	if refused := (*httpError)(nil); errors.As(err, &refused) {
		return refused.challenge
	}
	return ""
}

// retryAfter returns the seconds for Retry-After, or 0 to send none.
func retryAfter(status int, err error) int {
	var refused *httpError
	var limited *billing.LimitedError
	switch {
	case errors.As(err, &limited):
		return int(math.Ceil(limited.RetryAfter.Seconds()))
	case status == http.StatusServiceUnavailable:
		return 5
	case errors.As(err, &refused):
		return refused.retryAfter
	default:
		return 0
	}
}

// logError logs internal errors and unavailable dependencies. The access log
// covers the client's errors.
func (s *server) logError(ctx context.Context, status int, err error) {
	switch {
	case status == http.StatusServiceUnavailable && ctx.Err() == nil:
		s.Log.LogAttrs(ctx, slog.LevelWarn, "unavailable", slog.Any("error", err))
	case status == http.StatusInternalServerError:
		s.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.Any("error", err))
	}
}

// fail sends err as a problem document.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.problemResponse(r.Context(), err).write(w)
}
