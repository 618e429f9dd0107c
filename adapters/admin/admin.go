package admin

import (
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/operators"
)

// Config holds the dependencies and settings of the panel.
type Config struct {
	Panel   operators.Panel
	Catalog operators.Catalog // each request sets By
	Notes   operators.Notes   // likewise
	Auth    operators.PanelAuth
	// Endpoints are those of webhooks; each request sets By.
	Endpoints operators.Endpoints
	// Instructions stores the operators' instructions, which the API executes.
	Instructions operators.Instructions
	// Await limits how long a page waits for the execution of an instruction.
	Await    time.Duration
	Location *time.Location // time zone of the times on pages
	// Secure marks cookies as Secure and turns on HSTS. Set it if browsers reach
	// the panel over TLS.
	Secure bool
	// Proxies are the networks of trusted reverse proxies. The panel reads
	// X-Forwarded-For only from them.
	Proxies []netip.Prefix
	Log     *slog.Logger
}

// Prefix is the URL path of the panel.
const Prefix = "/admin"

// server handles the requests of the panel.
type server struct {
	Config
	theme  *theme
	layout *template.Template
	pages  *template.Template
}

// New returns the panel's handler. It returns an error if a template or a file of
// GoAdmin's theme is missing or invalid.
func New(c Config) (http.Handler, error) {
	s := &server{Config: c, theme: newTheme()}
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

// routes returns the handler of all pages. Any other path is 404.
func (s *server) routes(a *assets) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler(Prefix, http.StatusSeeOther))
	mux.Handle("GET /favicon.ico", a.favicon())
	mux.Handle("GET "+Prefix+"/assets/", http.StripPrefix(Prefix+"/assets", a))
	mux.Handle("GET "+Prefix+"/login", s.public(s.showSignIn))
	mux.Handle("POST "+Prefix+"/signin", s.public(s.signIn, "name", "password"))

	mux.Handle("POST "+Prefix+"/logout", s.dutyForm(s.signOut))
	mux.Handle("POST "+Prefix+"/language", s.public(s.chooseLanguage, "language", "next"))

	mux.Handle("GET "+Prefix, s.page(s.dashboard))
	mux.Handle("GET "+Prefix+"/{$}", http.RedirectHandler(Prefix, http.StatusSeeOther))
	for _, res := range s.resources() {
		s.resourceRoutes(mux, res)
	}
	mux.Handle("GET "+Prefix+"/info/plans/end", s.page(s.showPlanEnd, "id"))
	mux.Handle("POST "+Prefix+"/end/plans", s.form(s.postPlanEnd, planEndFields...))
	s.endpointRoutes(mux)
	s.accountRoutes(mux)
	s.peopleRoutes(mux)
	mux.Handle("GET "+Prefix+"/info/find", s.page(s.showFind))
	mux.Handle("POST "+Prefix+"/info/find", s.form(s.find, "q", "from", "to"))
	mux.Handle("GET "+Prefix+"/info/users", s.page(s.list(s.users), "from", "to", "at", "before"))
	mux.Handle("GET "+Prefix+"/info/users/detail", s.page(s.user, "id", "payment", "instruction"))
	mux.Handle("GET "+Prefix+"/info/instruct", s.page(s.showInstruct, "kind", "user", "target"))
	mux.Handle("POST "+Prefix+"/instruct/check", s.form(s.instructForm(s.checkInstruct), instructFields...))
	mux.Handle("POST "+Prefix+"/instruct/submit", s.form(s.instructForm(s.submitInstruct), instructFields...))
	mux.Handle("GET "+Prefix+"/info/approvals", s.page(s.approvals))
	mux.Handle("POST "+Prefix+"/approvals", s.form(s.decide, "user", "id", "decision"))
	mux.Handle("POST "+Prefix+"/new/notes", s.form(s.postNote, "id", "note"))
	mux.Handle("GET "+Prefix+"/info/history", s.page(s.list(s.history), "type", "plan", "from", "to", "until", "at", "before"))
	mux.Handle("GET "+Prefix+"/info/audit", s.page(s.list(s.audit), "operator", "object", "from", "to", "before"))
	mux.Handle("GET "+Prefix+"/info/payments", s.page(s.list(s.payments), slices.Concat(paymentFilterKeys, []string{"before", "after"})...))
	mux.Handle("GET "+Prefix+"/info/payments/csv", s.page(s.paymentsCSV, paymentFilterKeys...))
	mux.Handle("GET "+Prefix+"/info/subscriptions", s.page(s.list(s.subscriptions), "plan", "status", "hold", "at", "user", "after"))
	mux.Handle("/", s.public(func(http.ResponseWriter, *http.Request, *view) error { return errNoPage }))
	return mux
}

func (s *server) resourceRoutes(mux *http.ServeMux, res resource) {
	info := Prefix + "/info/" + res.kind
	mux.Handle("GET "+info, s.page(s.list(res.list)))
	mux.Handle("GET "+info+"/new", s.page(s.showNew(res)))
	mux.Handle("GET "+info+"/edit", s.page(s.showEdit(res), "id"))
	mux.Handle("GET "+info+"/delete", s.page(s.showConfirmation(res, "delete"), "id"))
	mux.Handle("GET "+info+"/restore", s.page(s.showConfirmation(res, "restore"), "id"))
	mux.Handle("POST "+Prefix+"/restore/"+res.kind, s.form(s.postRestore(res), "id"))
	mux.Handle("POST "+Prefix+"/new/"+res.kind, s.form(s.postNew(res), res.fields...))
	mux.Handle("POST "+Prefix+"/edit/"+res.kind, s.form(s.postEdit(res), slices.Concat(res.fields, []string{"id", "seen", "confirmed"})...))
	mux.Handle("POST "+Prefix+"/delete/"+res.kind, s.form(s.postDelete(res), "id"))
}
