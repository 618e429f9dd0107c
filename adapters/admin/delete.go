package admin

import (
	"net/http"
	"strings"
)

type deletePage struct {
	*view
	Kind, ID, Name string
	Subscribers    int
	Price          string // of a plan that is restored, for new subscribers
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
		page := deletePage{view: v, Kind: res.kind, ID: id, Name: f.Name, Subscribers: f.Subscribers}
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

// showRestore shows the page that confirms that a record leaves the archive.
func (s *server) showRestore(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.URL.Query().Get("id")
		if id == "" {
			return errNoPage
		}
		f, err := res.loadForm(r, v, id)
		if err != nil {
			return err
		}
		page := deletePage{view: v, Kind: res.kind, ID: id, Name: f.Name, Price: f.Price}
		return s.renderPage(w, r, v, http.StatusOK, v.T("restore.title", f.Name), "restore", page)
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
