package admin

import (
	"net/http"
	"strings"
)

type confirmationPage struct {
	*view
	Kind, ID, Name string
	Subscribers    int
	Price          string // of a plan that is restored, for new subscribers
	Ending         bool   // the plan ends for all its subscribers
}

// showConfirmation shows the page that asks before a record is deleted or restored. The
// page has the name of its template.
func (s *server) showConfirmation(res resource, page string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.URL.Query().Get("id")
		if id == "" {
			return errNoPage
		}
		f, err := res.loadForm(r, v, id)
		if err != nil {
			return err
		}
		data := confirmationPage{view: v, Kind: res.kind, ID: id, Name: f.Name, Subscribers: f.Subscribers, Price: f.Price, Ending: f.Ending}
		return s.renderPage(w, r, v, http.StatusOK, v.T(page+".title", f.Name), page, data)
	}
}

// postDelete deletes one record. It refuses a list of ids, which GoAdmin's own
// pages would send.
func (s *server) postDelete(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.PostForm.Get("id")
		if id == "" {
			return errNoPage
		}
		if strings.Contains(id, ",") {
			return errBadRequest
		}
		removed, err := res.remove(r.Context(), v, id)
		if err != nil {
			return err
		}
		outcome := "deleted"
		if removed.Archived {
			outcome = "archived"
		}
		return s.redirectToList(w, r, res.kind, outcome, removed.Name)
	}
}

// postRestore takes a record out of the archive.
func (s *server) postRestore(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.PostForm.Get("id")
		if id == "" {
			return errNoPage
		}
		name, err := res.restore(r.Context(), v, id)
		if err != nil {
			return err
		}
		return s.redirectToList(w, r, res.kind, "restored", name)
	}
}
