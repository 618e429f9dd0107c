package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// Errors of the panel itself.
var (
	errNoPage      = errors.New("page not found")
	errBadRequest  = errors.New("the request has an unknown, repeated or too long parameter")
	errContentType = errors.New("the request is not a URL-encoded form")
	errCSRF        = errors.New("the form belongs to another session")
	errCrossOrigin = errors.New("the request comes from another site")
	errReadOnly    = errors.New("the table is read-only")
)

// failure is the error page of an error: a status and the key of its texts. The
// page never shows the error itself, which may hold internal details.
type failure struct {
	status int
	key    string
}

func failureOf(err error) failure {
	switch {
	case errors.Is(err, errNoPage), errors.Is(err, billing.NotFound):
		return failure{http.StatusNotFound, "error.not_found"}
	case errors.Is(err, errBadRequest), errors.Is(err, errReadOnly), errors.Is(err, billing.Invalid):
		return failure{http.StatusBadRequest, "error.bad_request"}
	case errors.Is(err, errContentType):
		return failure{http.StatusUnsupportedMediaType, "error.bad_request"}
	case errors.Is(err, errCSRF), errors.Is(err, errCrossOrigin):
		return failure{http.StatusForbidden, "error.stale"}
	case errors.Is(err, operators.ErrSignedOut):
		return failure{http.StatusUnauthorized, "error.signed_out"}
	case errors.Is(err, operators.ErrOwnAccount):
		return failure{http.StatusForbidden, "error.own_account"}
	case errors.Is(err, operators.ErrNoFactorKeys):
		return failure{http.StatusServiceUnavailable, "error.no_factor_keys"}
	case errors.Is(err, billing.Forbidden):
		return failure{http.StatusForbidden, "error.forbidden"}
	case errors.Is(err, billing.Unavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return failure{http.StatusServiceUnavailable, "error.unavailable"}
	case errors.Is(err, billing.Conflict):
		return failure{http.StatusConflict, "error.conflict"}
	default:
		return failure{http.StatusInternalServerError, "error.internal"}
	}
}

type errorPage struct {
	*view
	Status int
	Title  string
	Text   string
	Retry  bool // offer to load the page again
}

// fail responds with the error page of err. It logs errors of the server.
func (s *server) fail(w http.ResponseWriter, r *http.Request, v *view, err error) {
	f := failureOf(err)
	if f.status >= http.StatusInternalServerError {
		s.Log.Error("page failed", "method", r.Method, "path", r.URL.Path, "status", f.status, "error", err)
		w.Header().Set("Retry-After", "5")
	}
	page := errorPage{v, f.status, v.T(f.key), v.T(f.key + ".text"), f.status == http.StatusServiceUnavailable}
	if s.renderBare(w, f.status, "error", page) != nil {
		http.Error(w, http.StatusText(f.status), f.status)
	}
}
