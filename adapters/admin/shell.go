package admin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/GoAdminGroup/go-admin/modules/menu"
	"github.com/GoAdminGroup/go-admin/plugins/admin/models"
	"github.com/GoAdminGroup/go-admin/template/types"
)

//go:embed templates
var templates embed.FS

// parsePages reads the contents of pages; the frame around them is the theme's.
func parsePages() (*template.Template, error) {
	return template.New("pages").Funcs(template.FuncMap{"style": func() string { return assetVersion("panel.css") }}).
		ParseFS(templates, "templates/*.html")
}

// frame is what the theme's layout shows: GoAdmin's page, and the view.
type frame struct {
	*types.Page
	V     *view
	Style string // version of our style sheet
	Done  string // what was just done
}

// menuItems are the pages of the menu, by path below [Prefix], with their icons.
var menuItems = []struct{ path, key, icon string }{
	{"", "menu.dashboard", "fa-bar-chart"},
	{"/info/plans", "menu.plans", "fa-film"},
	{"/info/payment_systems", "menu.payment_systems", "fa-credit-card"},
	{"/info/users", "menu.users", "fa-users"},
	{"/info/history", "menu.history", "fa-history"},
	{"/info/audit", "menu.audit", "fa-shield"},
}

func menuOf(v *view) *menu.Menu {
	m := &menu.Menu{}
	path, _, _ := strings.Cut(v.path, "?")
	for _, item := range menuItems {
		url := Prefix + item.path
		active := ""
		below := item.path != "" && (strings.HasPrefix(path, url+"/") || strings.HasSuffix(path, strings.TrimPrefix(item.path, "/info")))
		if path == url || below {
			active = "active"
		}
		m.List = append(m.List, menu.Item{Name: v.T(item.key), Url: url, Icon: item.icon, Active: active})
	}
	return m
}

// show renders the content of a page within the frame.
func (s *server) show(w http.ResponseWriter, r *http.Request, v *view, status int, title, content string, data any) error {
	var inner, outer bytes.Buffer
	if err := s.pages.ExecuteTemplate(&inner, content, data); err != nil {
		return err
	}
	page := types.NewPage(goContext(r), &types.NewPageParam{
		User:  models.UserModel{Name: v.op.Name},
		Menu:  menuOf(v),
		Panel: types.Panel{Title: escape(title), Content: template.HTML(inner.String())}, //nolint:gosec // html/template made it
	})
	page.Title = title
	f := frame{Page: page, V: v, Style: assetVersion("panel.css"), Done: s.takeDone(w, r, v)}
	if err := s.layout.ExecuteTemplate(&outer, "layout", f); err != nil {
		return err
	}
	return send(w, status, outer)
}

// bare renders a page without the frame, for when nobody may be signed in.
func (s *server) bare(w http.ResponseWriter, _ *view, status int, content string, data any) error {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, content, data); err != nil {
		return err
	}
	return send(w, status, b)
}

func send(w http.ResponseWriter, status int, b bytes.Buffer) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

func escape(text string) template.HTML { return template.HTML(template.HTMLEscapeString(text)) } //nolint:gosec // escaped

// done goes back to a list and says there what was done.
func (s *server) done(w http.ResponseWriter, r *http.Request, kind, key, name string) error {
	s.setCookie(w, doneCookie, encodeCookie(key+"\n"+name), cookieMoment)
	http.Redirect(w, r, Prefix+"/info/"+kind, http.StatusSeeOther)
	return nil
}

// takeDone is what [server.done] said, once.
func (s *server) takeDone(w http.ResponseWriter, r *http.Request, v *view) string {
	c, err := r.Cookie(doneCookie)
	if err != nil {
		return ""
	}
	s.setCookie(w, doneCookie, "", 0)
	key, name, _ := strings.Cut(decodeCookie(c.Value), "\n")
	if !strings.HasPrefix(key, "done.") || !has(key) {
		return ""
	}
	return v.T(key, name)
}
