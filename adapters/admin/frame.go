package admin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/GoAdminGroup/go-admin/modules/menu"
	"github.com/GoAdminGroup/go-admin/plugins/admin/models"
	"github.com/GoAdminGroup/go-admin/template/types"
)

//go:embed templates
var templates embed.FS

// parsePages parses the templates of the pages. The theme has the frame around
// them.
func parsePages() (*template.Template, error) {
	return template.New("pages").Funcs(template.FuncMap{"style": func() string { return assetVersion("panel.css") }}).
		ParseFS(templates, "templates/*.html")
}

// frame is the data of the theme's layout: GoAdmin's page and the view.
type frame struct {
	*types.Page
	V      *view
	Style  string // version of panel.css
	Notice string // confirmation of the last change
}

// menuItems are the pages of the menu, by path below [Prefix], with their icons.
var menuItems = []struct{ path, key, icon string }{
	{"", "menu.dashboard", "fa-bar-chart"},
	{"/info/plans", "menu.plans", "fa-film"},
	{"/info/payment_systems", "menu.payment_systems", "fa-credit-card"},
	{"/info/users", "menu.users", "fa-users"},
	{"/info/subscriptions", "menu.subscriptions", "fa-refresh"},
	{"/info/payments", "menu.payments", "fa-money"},
	{"/info/approvals", "menu.approvals", "fa-check-square-o"},
	{"/info/history", "menu.history", "fa-history"},
	{"/info/endpoints", "menu.endpoints", "fa-paper-plane"},
	{"/info/audit", "menu.audit", "fa-shield"},
	{peoplePath, "menu.people", "fa-id-card-o"},
}

func menuOf(v *view) *menu.Menu {
	m := &menu.Menu{}
	path, _, _ := strings.Cut(v.path, "?")
	for _, item := range menuItems {
		if item.path == peoplePath && !v.MayEdit() {
			continue
		}
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

// renderPage renders a template within the frame.
func (s *server) renderPage(w http.ResponseWriter, r *http.Request, v *view, status int, title, content string, data any) error {
	inner, err := s.renderPart(content, data)
	if err != nil {
		return err
	}
	page := types.NewPage(goContext(r), &types.NewPageParam{
		User:  models.UserModel{Name: v.op.Name},
		Menu:  menuOf(v),
		Panel: types.Panel{Title: escape(title), Content: inner},
	})
	page.Title = title
	f := frame{Page: page, V: v, Style: assetVersion("panel.css"), Notice: s.takeNotice(w, r, v)}
	var outer bytes.Buffer
	if err := s.layout.ExecuteTemplate(&outer, "layout", f); err != nil {
		return err
	}
	return send(w, status, outer)
}

// renderBare renders a template without the frame. Pages for anonymous users and
// error pages use it.
func (s *server) renderBare(w http.ResponseWriter, status int, content string, data any) error {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, content, data); err != nil {
		return err
	}
	return send(w, status, b)
}

// renderPart returns a template's HTML for use within a page.
func (s *server) renderPart(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	err := s.pages.ExecuteTemplate(&b, name, data)
	return template.HTML(b.String()), err //nolint:gosec // escaped by html/template
}

func send(w http.ResponseWriter, status int, b bytes.Buffer) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

func escape(text string) template.HTML { return template.HTML(template.HTMLEscapeString(text)) } //nolint:gosec // escaped

const (
	noticeCookie = "panel_done"
	noticeAge    = time.Minute
)

// redirectToList is [server.doneOn] to the list of a kind.
func (s *server) redirectToList(w http.ResponseWriter, r *http.Request, kind, outcome, name string) error {
	return s.doneOn(w, r, Prefix+"/info/"+kind, kind+"."+outcome, name)
}

// doneOn redirects to a URL of the panel, with a notice for the next page that says
// what happened to the record with this name.
func (s *server) doneOn(w http.ResponseWriter, r *http.Request, target, outcome, name string) error {
	s.setCookie(w, noticeCookie, encodeCookie("done."+outcome+"\n"+name), noticeAge)
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// takeNotice returns the notice that [server.doneOn] left, and deletes it.
func (s *server) takeNotice(w http.ResponseWriter, r *http.Request, v *view) string {
	c, err := r.Cookie(noticeCookie)
	if err != nil {
		return ""
	}
	s.setCookie(w, noticeCookie, "", 0)
	key, name, _ := strings.Cut(decodeCookie(c.Value), "\n")
	if !strings.HasPrefix(key, "done.") || !hasText(key) {
		return ""
	}
	return v.T(key, name)
}
