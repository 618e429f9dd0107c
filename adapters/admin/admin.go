package admin

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/online-cinema/billing/core/app"
)

// Config is what the panel needs.
type Config struct {
	Panel    app.Panel
	Door     Door
	Location *time.Location // that times are shown in
	// Secure is for a panel that browsers reach over TLS: its cookies then go
	// nowhere else.
	Secure bool
	// Proxies are those in front of the panel whose word for a client's address
	// is taken.
	Proxies []netip.Prefix
	Log     *slog.Logger
}

// Door lets people in: see [app.Door].
type Door interface {
	SignIn(ctx context.Context, name, password, from string) (token string, err error)
	Resume(ctx context.Context, token, from string) (app.Operator, string, error)
	SignOut(ctx context.Context, token string) error
	SetLanguage(ctx context.Context, by app.Operator, language string) error
}

// Prefix is where the panel is.
const Prefix = "/admin"

// server is the panel.
type server struct {
	Config
	theme  *theme
	layout *template.Template
	pages  *template.Template
	tries  *tries
}

// New returns the panel.
func New(c Config) (http.Handler, error) {
	s := &server{Config: c, theme: newTheme(), tries: newTries(time.Now)}
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	if s.layout, err = s.theme.layout(); err != nil {
		return nil, err
	}
	assets, err := newAssets()
	if err != nil {
		return nil, err
	}
	return s.guard(s.routes(assets)), nil
}

// routes are all that there is; whatever is not here is not found.
func (s *server) routes(a *assets) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler(Prefix, http.StatusSeeOther))
	mux.Handle("GET /favicon.ico", a.favicon())
	mux.Handle("GET "+Prefix+"/assets/", http.StripPrefix(Prefix+"/assets", a))
	mux.Handle("GET "+Prefix+"/login", s.open(s.showSignIn))
	mux.Handle("POST "+Prefix+"/signin", s.open(s.signIn, "name", "password"))

	mux.Handle("POST "+Prefix+"/logout", s.form(s.signOut))
	mux.Handle("POST "+Prefix+"/language", s.open(s.chooseLanguage, "language", "next"))

	mux.Handle("GET "+Prefix, s.page(s.dashboard))
	mux.Handle("GET "+Prefix+"/{$}", http.RedirectHandler(Prefix, http.StatusSeeOther))
	for _, kind := range []string{"plans", "payment_systems"} {
		mux.Handle("GET "+Prefix+"/info/"+kind, s.page(s.list(kind)))
		mux.Handle("GET "+Prefix+"/info/"+kind+"/new", s.page(s.showNew(kind)))
		mux.Handle("GET "+Prefix+"/info/"+kind+"/edit", s.page(s.showEdit(kind), "id"))
		mux.Handle("GET "+Prefix+"/info/"+kind+"/delete", s.page(s.showDelete(kind), "id"))
		mux.Handle("POST "+Prefix+"/new/"+kind, s.form(s.postNew(kind), fieldsOf(kind)...))
		mux.Handle("POST "+Prefix+"/edit/"+kind, s.form(s.postEdit(kind), append(fieldsOf(kind), "id", "seen", "confirmed")...))
		mux.Handle("POST "+Prefix+"/delete/"+kind, s.form(s.postDelete(kind), "id"))
	}
	mux.Handle("GET "+Prefix+"/info/users", s.page(s.list("users"), "search", "at", "before"))
	mux.Handle("GET "+Prefix+"/info/users/detail", s.page(s.user, "id"))
	mux.Handle("GET "+Prefix+"/info/history", s.page(s.list("history"), "type", "plan", "from", "to", "until", "at", "before"))
	mux.Handle("GET "+Prefix+"/info/audit", s.page(s.list("audit"), "before"))
	mux.Handle("/", s.open(func(w http.ResponseWriter, r *http.Request, v *view) error { return errNoPage }))
	return mux
}
