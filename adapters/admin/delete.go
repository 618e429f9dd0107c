package admin

import (
	"net/http"
	"strings"
)

type deletePage struct {
	*view
	Kind, ID, Name string
	Subscribers    int
}

// showDelete shows the page that confirms a deletion.
func (s *server) showDelete(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.URL.Query().Get("id")
		if id == "" {
			return errNoPage
		}
		f, err := res.loadForm(r, v, id)
		if err != nil {
			return err
		}
		page := deletePage{v, res.kind, id, f.Name, f.Subscribers}
		return s.renderPage(w, r, v, http.StatusOK, v.T("delete.title", f.Name), "delete", page)
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
