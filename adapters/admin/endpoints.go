package admin

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (s *server) endpoints(r *http.Request, v *view) *listing {
	src := newSource(r.Context(),
		column{"url", v.T("endpoint.url")}, column{"status", v.T("status")}, column{"behind", v.T("endpoint.behind")},
		column{"last", v.T("endpoint.last")}, column{"test", v.T("endpoint.test")}, column{"actions", v.T("actions")})
	src.rows = mapRows(func(ctx context.Context) ([]ports.EndpointView, error) { return s.Endpoints.For(v.op).List(ctx) }, v.endpointRow)
	return &listing{table: src, title: v.T("menu.endpoints"), hint: v.T("endpoints.hint"), empty: v.T("endpoints.empty")}
}

func (v *view) endpointRow(e ports.EndpointView) row {
	types := v.T("endpoint.all_types")
	for i, t := range e.Types {
		if i == 0 {
			types = string(t)
		} else {
			types += ", " + string(t)
		}
	}
	r := row{
		"url": cell{Text: e.URL, Sub: types}.html(), "status": v.endpointStatus(e.Endpoint), "behind": v.endpointLag(e),
		"last": v.endpointResponse(e.LastStatus, e.LastTryAt), "test": v.endpointResponse(e.TestStatus, e.TestedAt),
	}
	if !e.TestAskedAt.IsZero() {
		r["test"] = text(v.T("endpoint.test_sent"))
	}
	if v.MayEdit() {
		r["actions"] = actions(cell{Text: v.T("endpoint.manage"), Href: link("/info/endpoints/manage", "id", string(e.ID))})
	}
	return r
}

func (v *view) endpointStatus(e billing.Endpoint) template.HTML {
	switch {
	case !e.DisabledAt.IsZero():
		return cell{Badge: "off", Text: v.T("endpoint.disabled"), Sub: v.dateTime(e.DisabledAt)}.html()
	case !e.FailingSince.IsZero():
		return cell{Badge: "bad", Text: v.T("endpoint.failing"), Sub: v.T("endpoint.failing_since", v.dateTime(e.FailingSince))}.html()
	default:
		return badge("ok", v.T("endpoint.delivers"))
	}
}

func (v *view) endpointLag(e ports.EndpointView) template.HTML {
	n := v.Number(e.Behind)
	if e.Behind >= ports.MaxBehind {
		n = v.T("or_more", n)
	}
	if e.Behind == 0 || e.Oldest.IsZero() {
		return text(n)
	}
	return cell{Text: n, Sub: v.lang.duration(time.Since(e.Oldest))}.html()
}

// endpointResponse shows a status, which is a number or the class of a failure.
func (v *view) endpointResponse(status string, at time.Time) template.HTML {
	if status == "" {
		return text("—")
	}
	return cell{Text: status, Code: true, Sub: v.dateTime(at)}.html()
}

type endpointPage struct {
	*view
	ID, URL  string
	Disabled bool
	Problem  string
}

// showEndpoint shows the page with the changes of an endpoint. A change is a form of its own.
func (s *server) showEndpoint(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.endpointForm(w, r, v, http.StatusOK, r.URL.Query().Get("id"), "")
}

func (s *server) endpointForm(w http.ResponseWriter, r *http.Request, v *view, status int, id, problem string) error {
	if !billing.IsID(id) {
		return errNoPage
	}
	e, err := s.Endpoints.For(v.op).Find(r.Context(), billing.EndpointID(id))
	if err != nil {
		return err
	}
	page := endpointPage{view: v, ID: id, URL: e.URL, Disabled: !e.DisabledAt.IsZero(), Problem: problem}
	return s.renderPage(w, r, v, status, v.T("endpoint.title", e.URL), "endpoint", page)
}

// postEndpoint makes the change of a form.
func (s *server) postEndpoint(outcome string, change func(operators.Endpoints, context.Context, billing.EndpointID) (billing.Endpoint, error)) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.PostForm.Get("id")
		if !billing.IsID(id) {
			return errNoPage
		}
		e, err := change(s.Endpoints.For(v.op), r.Context(), billing.EndpointID(id))
		if err != nil {
			return err
		}
		return s.redirectToList(w, r, "endpoints", outcome, e.URL)
	}
}

// replayEndpoint delivers all events from the beginning of a day on again.
func (s *server) replayEndpoint(w http.ResponseWriter, r *http.Request, v *view) error {
	from, ok := s.parseDay(r.PostForm.Get("from"), 0)
	if ok && !from.IsZero() {
		err := s.postEndpoint("replayed", func(c operators.Endpoints, ctx context.Context, id billing.EndpointID) (billing.Endpoint, error) {
			return c.Replay(ctx, id, from)
		})(w, r, v)
		if faultsOf(err) == nil { // the fault is that the day is in the future
			return err
		}
	}
	return s.endpointForm(w, r, v, http.StatusUnprocessableEntity, r.PostForm.Get("id"), v.T("endpoint.bad_date"))
}

func (s *server) endpointRoutes(mux *http.ServeMux) {
	mux.Handle("GET "+Prefix+"/info/endpoints", s.page(s.list(s.endpoints)))
	mux.Handle("GET "+Prefix+"/info/endpoints/manage", s.page(s.showEndpoint, "id"))
	mux.Handle("POST "+Prefix+"/endpoints/test", s.form(s.postEndpoint("tested", operators.Endpoints.Test), "id"))
	mux.Handle("POST "+Prefix+"/endpoints/disable", s.form(s.postEndpoint("disabled", operators.Endpoints.Disable), "id"))
	mux.Handle("POST "+Prefix+"/endpoints/enable", s.form(s.postEndpoint("enabled", operators.Endpoints.Enable), "id"))
	mux.Handle("POST "+Prefix+"/endpoints/replay", s.form(s.replayEndpoint, "id", "from"))
}
