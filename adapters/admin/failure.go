package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// What the panel itself refuses.
var (
	errNoPage     = errors.New("there is no such page")
	errBadRequest = errors.New("the request has something that this page does not know")
	errNotAForm   = errors.New("not a form of this panel")
	errStale      = errors.New("the form is from another session")
	errForeign    = errors.New("the request comes from another site")
	errReadOnly   = errors.New("this cannot be changed here")
)

// failure is how an error is shown: a status and the key of what is said.
// Errors themselves are never shown: they may tell what is nobody's business.
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
	case errors.Is(err, errNotAForm):
		return failure{http.StatusUnsupportedMediaType, "error.bad_request"}
	case errors.Is(err, errStale), errors.Is(err, errForeign):
		return failure{http.StatusForbidden, "error.stale"}
	case errors.Is(err, app.ErrSignedOut):
		return failure{http.StatusUnauthorized, "error.signed_out"}
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
	Again  bool // it is worth while to try again
}

// fail shows an error. Log once: here it stops.
func (s *server) fail(w http.ResponseWriter, r *http.Request, v *view, err error) {
	f := failureOf(err)
	if f.status >= http.StatusInternalServerError {
		s.Log.Error("page failed", "method", r.Method, "path", r.URL.Path, "status", f.status, "error", err)
		w.Header().Set("Retry-After", "5")
	}
	page := errorPage{v, f.status, v.T(f.key), v.T(f.key + ".text"), f.status == http.StatusServiceUnavailable}
	if s.bare(w, v, f.status, "error", page) != nil {
		http.Error(w, http.StatusText(f.status), f.status)
	}
}
