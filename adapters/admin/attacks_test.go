package admin_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/core/operators"
)

// Each of these attacks takes over a stock build of GoAdmin, or leaks its data.

// Query parameters that GoAdmin acts on are refused, for editors and readers.
func TestGoAdminQueries_Refused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sell("gold", "Gold")
	for _, name := range []string{"anna", "vera"} {
		b := s.as(name)
		for _, path := range []string{
			"/admin/info/plans?__prefix=manager",
			"/admin/info/plans?%5f_prefix=manager",
			"/admin/info/plans?__prefix=manager&__prefix=plans",
			"/admin/info/users?__goadmin_op_id=1",
			"/admin/info/plans?__go_admin_is_single_update=1",
			"/admin/info/plans?__sort=id&__sort_type=desc,(select%201%20from%20pg_sleep(1.5))",
			"/admin/info/plans?(select%201%20from%20pg_sleep(1.5))%3D1%20and%20goadmin_roles_goadmin_join_id=1",
			"/admin/info/plans?__page=-5&__pageSize=0",
			"/admin/info/plans?__columns=x", "/admin/info/plans?_pjax=%23pjax-container", "/admin/info/plans?__theme=sword",
			"/admin?__ga_lang=xx", "/admin/info/users?from=a&from=b", "/admin/info/plans?%zz",
			"/admin/info/history?type=%27%3Bdrop", "/admin/info/history?limit=100000000",
		} {
			began := time.Now()
			got := b.get(path)
			if strings.Contains(path, "history?type") {
				wantStatus(t, path, got, http.StatusOK) // an unknown type matches no event
				continue
			}
			wantStatus(t, path, got, http.StatusBadRequest)
			if time.Since(began) > time.Second {
				t.Errorf("%s took %v, want less than 1s", path, time.Since(began))
			}
		}
		got := b.submit("/admin/new/plans?__prefix=manager", newPlan())
		wantStatus(t, "form with a prefix", got, http.StatusBadRequest)
	}
}

// No route of GoAdmin exists, for anonymous users or editors.
func TestGoAdminRoutes_NotFound(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, b := range map[string]*browser{"anonymous": s.browser(), "editor": s.as("anna")} {
		for _, route := range []string{
			"GET /admin/info/manager", "GET /admin/info/roles", "GET /admin/info/permission", "GET /admin/info/op", "GET /admin/info/menu",
			"GET /admin/info/normal_manager", "GET /admin/info/normal_manager/edit", "GET /admin/info/site/edit", "GET /admin/info/generate/new",
			"GET /admin/menu", "POST /admin/menu/new", "POST /admin/menu/edit", "POST /admin/menu/delete", "POST /admin/menu/order",
			"GET /admin/plugins", "GET /admin/plugins/store", "POST /admin/plugin/download", "POST /admin/server/login",
			"GET /admin/application/info", "GET /admin/install", "POST /admin/install/database/check",
			"POST /admin/update/plans", "POST /admin/update/users", "POST /admin/update/op", "POST /admin/export/plans", "POST /admin/export/users",
			"GET /admin/operation/1", "POST /admin/operation/1", "GET /admin/api/list/plans", "POST /admin/api/edit/plans", "POST /admin/api/delete/plans",
			"POST /admin/api/create/manager", "GET /admin/uploads/evil.html", "GET /admin/info/plans/detail", "GET /admin/assets/../../etc/passwd",
			"GET /admin/assets/%2e%2e/admin.go", "GET /admin/assets/", "GET /admin/assets/dist/js/all.min.js", "GET /admin/logout", "PUT /admin/info/plans",
			"DELETE /admin/info/plans", "POST /admin/new/manager", "POST /admin/edit/manager", "POST /admin/delete/manager",
		} {
			method, path, _ := strings.Cut(route, " ")
			got := b.do(b.request(method, path, "application/x-www-form-urlencoded", ""))
			if got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed && got.status != http.StatusTemporaryRedirect {
				t.Errorf("%s for %s: status %d, %.200s", route, name, got.status, got.text())
			}
		}
	}
}

// No request changes a read-only list, and no request of a reader changes anything.
func TestWrites_RefusedForReadOnlyListsAndReaders(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	user := s.subscribed(p)
	before := s.everything()
	for _, kind := range []string{"users", "history", "audit"} {
		for _, verb := range []string{"new", "edit", "delete", "update"} {
			got := s.as("anna").submit("/admin/"+verb+"/"+kind, url.Values{"id": {string(user)}})
			wantStatus(t, verb+" "+kind, got, http.StatusNotFound)
		}
	}
	vera := s.as("vera")
	for path, form := range map[string]url.Values{
		"/admin/new/plans": newPlan(), "/admin/edit/plans": {"id": {string(p.ID)}, "seen": {operators.SeenPlan(p)}, "code": {"gold"}, "name": {"Mine"}, "price": {"1.00"}, "currency": {"RUB"}, "interval_months": {"1"}, "features": {""}, "vat": {"none"}},
		"/admin/delete/plans": {"id": {string(p.ID)}}, "/admin/new/payment_systems": {"code": {"mine"}, "name": {"Mine"}},
		"/admin/edit/payment_systems": {"id": {system}, "seen": {""}, "code": {system}, "name": {"Mine"}}, "/admin/delete/payment_systems": {"id": {system}},
		"/admin/restore/plans": {"id": {string(p.ID)}}, "/admin/restore/payment_systems": {"id": {system}},
	} {
		wantStatus(t, "reader: "+path, vera.post(path, withCSRF(form, csrfOf(t, vera))), http.StatusForbidden)
	}
	for _, path := range []string{"new", "edit?id=" + string(p.ID), "delete?id=" + string(p.ID), "restore?id=" + string(p.ID)} {
		wantStatus(t, "reader: form "+path, vera.get("/admin/info/plans/"+path), http.StatusForbidden)
	}
	if list := vera.get("/admin/info/plans").body; strings.Contains(list, "/edit") || strings.Contains(list, "/new") || strings.Contains(list, "/delete") {
		t.Error("the list offers changes to a reader")
	}
	if after := s.everything(); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}

func withCSRF(form url.Values, csrf string) url.Values {
	form.Set("csrf", csrf)
	return form
}

func csrfOf(t *testing.T, b *browser) string {
	t.Helper()
	return b.csrf()
}

// everything returns all rows that a refused request must not change, as JSON.
func (s *site) everything() (all string) {
	s.t.Helper()
	err := s.owner.QueryRow(s.t.Context(), `SELECT concat(
		(SELECT json_agg(p ORDER BY id) FROM plans p), (SELECT json_agg(p ORDER BY code) FROM payment_systems p),
		(SELECT json_agg(u ORDER BY id) FROM users u), (SELECT json_agg(e ORDER BY id) FROM events e),
		(SELECT json_agg(a ORDER BY id) FROM panel_audit a WHERE action NOT LIKE 'panel%'))`).Scan(&all)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func TestSignIn_NoDefaultAccounts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"admin", "operator", "root", "anna"} {
		for _, password := range []string{"admin", "operator", "password", ""} {
			wantStatus(t, name+"/"+password, s.browser().signIn(name, password), http.StatusForbidden)
		}
	}
}

func TestSignIn_LongPasswordRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wantStatus(t, "right password with a suffix", s.browser().signIn("anna", goodPassword+strings.Repeat("x", 72)), http.StatusForbidden)
	wantStatus(t, "right password", s.browser().signIn("anna", goodPassword), http.StatusSeeOther)
}

func TestSignIn_BruteForce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for range 5 {
		wantStatus(t, "wrong password", b.signIn("anna", "wrong horse battery"), http.StatusForbidden)
	}
	locked := b.signIn("anna", goodPassword)
	wantStatus(t, "right password after five wrong ones", locked, http.StatusForbidden)
	unknown := b.signIn("nobody", goodPassword)
	if locked.text() != strings.ReplaceAll(unknown.text(), "nobody", "anna") {
		t.Errorf("the page reveals that an account exists:\n%s\n%s", locked.text(), unknown.text())
	}
	limited := 0
	for i := range 40 { // under any name
		if b.signIn(fmt.Sprint("name", i), "x").status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 20 {
		t.Errorf("%d of 40 attempts from one address refused, want at least 20", limited)
	}
}

func TestSignIn_KnownBrowserPassesLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	known := s.as("anna")
	wantStatus(t, "sign out", known.submit("/admin/logout", url.Values{}), http.StatusSeeOther)
	attacker := s.browser() // behind the same address
	for range 5 {
		wantStatus(t, "wrong password", attacker.signIn("anna", "wrong horse battery"), http.StatusForbidden)
	}
	var limited response
	for range 40 {
		limited = attacker.signIn("anna", goodPassword)
	}
	wantStatus(t, "attempt after the burst", limited, http.StatusTooManyRequests)
	wantText(t, "attempt after the burst", limited, "Too many attempts. Wait a minute and try again.")
	if got := limited.header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After %q, want 60", got)
	}
	wantStatus(t, "another user of the browser", known.signIn("boris", goodPassword), http.StatusTooManyRequests)
	wantStatus(t, "browser that signed in before", known.signIn("anna", goodPassword), http.StatusSeeOther)
}

func TestSignIn_FailuresAudited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn("my-secret-password", "x")
	for range 5 {
		b.signIn("vera", "wrong horse battery")
	}
	got := s.as("anna").get("/admin/info/audit")
	wantText(t, "audit", got, "not signed in 127.0.0.1 sign-in failed vera Failures since the last sign-in 5",
		"not signed in 127.0.0.1 network locked out of the account vera", "not signed in 127.0.0.1 sign-in failed unknown user name")
	if strings.Contains(got.body, "my-secret-password") {
		t.Error("the audit contains the name of an unknown user")
	}
}

func TestSession_Fixation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	const chosen = "attacker-fixed-sid-123"
	req := b.request(http.MethodPost, "/admin/signin", "application/x-www-form-urlencoded", url.Values{"name": {"anna"}, "password": {goodPassword}}.Encode())
	for _, name := range []string{"panel_session", "go_admin_session"} {
		req.AddCookie(&http.Cookie{Name: name, Value: chosen})
	}
	wantStatus(t, "sign-in", b.do(req), http.StatusSeeOther)
	for _, name := range []string{"panel_session", "go_admin_session"} {
		thief := s.browser()
		req := thief.request(http.MethodGet, "/admin/info/plans", "", "")
		req.AddCookie(&http.Cookie{Name: name, Value: chosen})
		if got := thief.do(req); got.status != http.StatusSeeOther || got.header.Get("Location") != "/admin/login" {
			t.Errorf("%s: status %d, want a redirect to sign-in", name, got.status)
		}
	}
	// A second sign-in ends the first session.
	anna := s.as("anna")
	old := anna.sessionCookie()
	wantStatus(t, "second sign-in", anna.signIn("anna", goodPassword), http.StatusSeeOther)
	thief := s.browser()
	req = thief.request(http.MethodGet, "/admin/info/plans", "", "")
	req.AddCookie(old)
	wantStatus(t, "first session", thief.do(req), http.StatusSeeOther)
}

func (b *browser) sessionCookie() *http.Cookie {
	b.t.Helper()
	u, _ := url.Parse(b.url)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "panel_session" {
			return c
		}
	}
	b.t.Fatal("no session cookie")
	return nil
}

func TestSession_Ends(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for column, age := range map[string]string{"seen_at": "3 hours", "created_at": "30 days"} {
		anna := s.as("anna")
		wantStatus(t, "new session", anna.get("/admin/info/plans"), http.StatusOK)
		if _, err := s.owner.Exec(t.Context(), "UPDATE panel_sessions SET "+column+" = "+column+" - interval '"+age+"'"); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, column, anna.get("/admin/info/plans"), http.StatusSeeOther)
	}
	anna := s.as("anna")
	wantStatus(t, "sign out", anna.submit("/admin/logout", url.Values{}), http.StatusSeeOther)
	wantStatus(t, "after sign-out", anna.get("/admin/info/plans"), http.StatusSeeOther)
}

func TestSession_TokenNotStored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	var n int
	err := s.owner.QueryRow(t.Context(), "SELECT count(*) FROM panel_sessions WHERE panel_sessions::text LIKE '%' || $1 || '%'", anna.sessionCookie().Value).Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("%d rows contain the token, %v", n, err)
	}
}

func TestCookies_Attributes(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		s := newSite(t, func(c *admin.Config) { c.Secure = secure })
		got := s.browser().signIn("anna", goodPassword)
		cookie := got.header.Get("Set-Cookie")
		for _, part := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "panel_session="} {
			if !strings.Contains(cookie, part) {
				t.Errorf("secure %v: cookie %s without %s", secure, cookie, part)
			}
		}
		if strings.Contains(cookie, "; Secure") != secure || strings.HasPrefix(cookie, "__Host-") != secure {
			t.Errorf("secure %v: cookie %s", secure, cookie)
		}
		if (got.header.Get("Strict-Transport-Security") != "") != secure {
			t.Errorf("secure %v: HSTS %q", secure, got.header.Get("Strict-Transport-Security"))
		}
	}
}

func TestCrossSiteRequests_Refused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	anna := s.as("anna")
	form := withCSRF(url.Values{"id": {string(p.ID)}}, anna.csrf())
	for name, headers := range map[string]map[string]string{
		"cross-site":     {"Sec-Fetch-Site": "cross-site"},
		"same-site":      {"Sec-Fetch-Site": "same-site"},
		"foreign origin": {"Origin": "https://evil.example"},
		"null origin":    {"Origin": "null"},
	} {
		for _, path := range []string{"/admin/delete/plans", "/admin/logout", "/admin/signin", "/admin/language"} {
			req := anna.request(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
			for key, value := range headers {
				req.Header.Set(key, value)
			}
			wantStatus(t, name+" "+path, anna.do(req), http.StatusForbidden)
		}
	}
	for name, csrf := range map[string]string{"no token": "", "token of another user": s.as("boris").csrf()} {
		form.Set("csrf", csrf)
		wantStatus(t, name, anna.post("/admin/delete/plans", form), http.StatusForbidden)
	}
	if _, there := s.plan("gold"); !there {
		t.Error("the plan was deleted")
	}
}

const script = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{.}}`

func TestMarkup_Escaped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", script)
	if _, err := s.catalog().AddPaymentSystem(t.Context(), newSystem("evil", script)); err != nil {
		t.Fatal(err)
	}
	user := s.subscribed(p)
	if _, err := s.owner.Exec(t.Context(), `UPDATE events SET plan_code = $1, decline_code = $1`, script); err != nil {
		t.Fatal(err)
	}
	if _, err := s.owner.Exec(t.Context(), `UPDATE payments SET provider_ref = $1, contradiction = $1, decline_code = $1`, script); err != nil {
		t.Fatal(err)
	}
	anna := s.as("anna")
	edit := anna.fields("/admin/info/plans/edit?id=" + string(p.ID))
	if edit.Get("name") != script {
		t.Errorf("name in the form: %q", edit.Get("name"))
	}
	for _, path := range []string{
		"/admin", "/admin/info/plans", "/admin/info/plans/edit?id=" + string(p.ID), "/admin/info/plans/delete?id=" + string(p.ID),
		"/admin/info/payment_systems", "/admin/info/payment_systems/edit?id=evil", "/admin/info/users/detail?id=" + string(user),
		"/admin/info/history", "/admin/info/audit", "/admin/info/users?from=" + url.QueryEscape(script), "/admin/info/history?from=" + url.QueryEscape(script),
		"/admin/" + url.PathEscape(script), "/admin/info/history?plan=" + url.QueryEscape(script),
	} {
		wantNoMarkup(t, path, anna.get(path))
	}
	form := newPlan()
	form.Set("name", script)
	form.Set("code", script)
	form.Set("features", script)
	form.Set("currency", `"><script>`)
	wantNoMarkup(t, "refused form", anna.submit("/admin/new/plans", form))
	wantNoMarkup(t, "refused sign-in", s.browser().signIn(script, "x"))
	edit.Set("price", "1.00")
	wantNoMarkup(t, "price change", anna.post("/admin/edit/plans", edit))
	wantStatus(t, "delete", anna.submit("/admin/delete/plans", url.Values{"id": {string(p.ID)}}), http.StatusSeeOther)
	wantNoMarkup(t, "notice", anna.get("/admin/info/plans"))
}

func wantNoMarkup(t *testing.T, what string, got response) {
	t.Helper()
	for _, markup := range []string{"<script", "<img", " onerror=alert(2)>"} {
		if _, after, found := strings.Cut(got.body, markup); found {
			t.Errorf("%s: %s, followed by\n%.300s", what, markup, after)
		}
	}
}

func TestRedirects_StayWithinPanel(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, want := range map[string]string{
		"/admin/info/plans": "/admin/info/plans", "/admin/info/history?type=ended": "/admin/info/history?type=ended",
		"/admin/login?ref=javascript:alert(1)": "/admin",
	} {
		b := s.browser()
		b.get(path)
		if got := b.signIn("anna", goodPassword).header.Get("Location"); got != want {
			t.Errorf("%s: redirected to %q, want %q", path, got, want)
		}
	}
	for _, next := range []string{"https://evil.example", "//evil.example", "/admin/info/../../x", `/admin/info/\evil.example`, "javascript:alert(1)", "/admin//evil", "/v1/plans"} {
		b := s.browser()
		req := b.request(http.MethodPost, "/admin/signin", "application/x-www-form-urlencoded", url.Values{"name": {"anna"}, "password": {goodPassword}}.Encode())
		req.Header.Set("Referer", "javascript:alert(5)//")
		req.AddCookie(&http.Cookie{Name: "panel_next", Value: admin.EncodeCookie(next)})
		if got := b.do(req).header.Get("Location"); got != "/admin" {
			t.Errorf("%s: redirected to %q after sign-in", next, got)
		}
		anna := s.as("anna")
		got := anna.post("/admin/language", url.Values{"language": {"en"}, "next": {next}})
		if got.header.Get("Location") != "/admin" {
			t.Errorf("%s: redirected to %q after choosing a language", next, got.header.Get("Location"))
		}
	}
}

func TestForm_UnknownFieldsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	for _, field := range []string{"__go_admin_previous_", "__go_admin_t_", "__goadmin_edit_pk", "role_id[]", "id", "archived_at"} {
		form := newPlan()
		form.Set(field, `/admin";alert(5);//`)
		wantStatus(t, field, anna.submit("/admin/new/plans", form), http.StatusBadRequest)
	}
	form := newPlan()
	form.Add("price", "1.00")
	wantStatus(t, "repeated field", anna.submit("/admin/new/plans", form), http.StatusBadRequest)
	form = newPlan()
	form.Set("name", strings.Repeat("x", 100_000))
	wantStatus(t, "very long form", anna.submit("/admin/new/plans", form), http.StatusBadRequest)
	if n := s.audited(); n != 0 {
		t.Errorf("%d audit entries, want 0", n)
	}
}

func TestForm_UploadRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for key := range newPlan() {
		_ = w.WriteField(key, newPlan().Get(key))
	}
	_ = w.WriteField("csrf", anna.csrf())
	part, _ := w.CreateFormFile("file", "evil.html")
	_, _ = part.Write([]byte(script))
	_ = w.Close()
	wantStatus(t, "upload", anna.do(anna.request(http.MethodPost, "/admin/new/plans", w.FormDataContentType(), body.String())), http.StatusUnsupportedMediaType)
}

// Malformed requests get an error page without internal details.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	for name, tt := range map[string]struct {
		path, kind, body string
		want             int
	}{
		"edit without an id":    {"/admin/edit/plans", "application/x-www-form-urlencoded", "csrf=" + anna.csrf(), http.StatusNotFound},
		"delete without an id":  {"/admin/delete/plans", "application/x-www-form-urlencoded", "csrf=" + anna.csrf(), http.StatusNotFound},
		"several ids":           {"/admin/delete/plans", "application/x-www-form-urlencoded", "id=1,2,3&csrf=" + anna.csrf(), http.StatusBadRequest},
		"malformed id":          {"/admin/delete/plans", "application/x-www-form-urlencoded", "id=%00%27&csrf=" + anna.csrf(), http.StatusBadRequest},
		"multipart":             {"/admin/new/plans", "multipart/form-data; boundary=x", "--x", http.StatusUnsupportedMediaType},
		"JSON":                  {"/admin/new/plans", "application/json", "{}", http.StatusUnsupportedMediaType},
		"no content type":       {"/admin/new/plans", "", "x", http.StatusUnsupportedMediaType},
		"invalid escape":        {"/admin/new/plans", "application/x-www-form-urlencoded", "%zz", http.StatusBadRequest},
		"name in invalid UTF-8": {"/admin/new/plans", "application/x-www-form-urlencoded", "csrf=" + anna.csrf() + "&code=a&name=%ff%fe&price=1&currency=RUB&interval_months=1&features=", http.StatusUnprocessableEntity},
		"name with a NUL byte":  {"/admin/new/plans", "application/x-www-form-urlencoded", "csrf=" + anna.csrf() + "&code=a&name=a%00b&price=1&currency=RUB&interval_months=1&features=", http.StatusUnprocessableEntity},
	} {
		req := anna.request(http.MethodPost, tt.path, tt.kind, tt.body)
		req.Header.Set("Accept", "application/json")
		got := anna.do(req)
		wantStatus(t, name, got, tt.want)
		for _, leak := range []string{"pq:", "pgx", "SQLSTATE", "dial tcp", "goroutine", "panic"} {
			if strings.Contains(got.body, leak) {
				t.Errorf("%s: the page contains %q", name, leak)
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, "panicked") {
		t.Errorf("a page panicked: %s", log)
	}
}

func TestSignIn_ClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for name, tt := range map[string]struct {
		proxies []netip.Prefix
		header  string
		want    string
	}{
		"header without a trusted proxy": {nil, "203.0.113.5", "127.0.0.1"},
		"one trusted proxy":              {trusted, "203.0.113.5", "203.0.113.5"},
		"forged entry before a proxy's":  {trusted, "198.51.100.1, 203.0.113.5", "203.0.113.5"},
		"two trusted proxies":            {trusted, "203.0.113.5, 10.1.2.3", "203.0.113.5"},
		"IPv6 address":                   {trusted, "2001:db8::7334:ffff:ffff:ffff", "2001:db8::7334:ffff:ffff:ffff"},
		"invalid address":                {trusted, "<script>", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *admin.Config) { c.Proxies = tt.proxies })
			b := s.browser()
			req := b.request(http.MethodPost, "/admin/signin", "application/x-www-form-urlencoded", url.Values{"name": {"anna"}, "password": {goodPassword}}.Encode())
			req.Header.Set("X-Forwarded-For", tt.header)
			req.Header.Set("X-Real-Ip", "192.0.2.99")
			wantStatus(t, "sign-in", b.do(req), http.StatusSeeOther)
			var got string
			if err := s.owner.QueryRow(t.Context(), "SELECT origin FROM panel_audit WHERE action = 'panel_user.sign_in'").Scan(&got); err != nil || got != tt.want {
				t.Errorf("address %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestSignIn_PasswordNotLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.as("anna")
	s.browser().signIn("anna", "another-secret-word")
	s.browser().get("/admin/login?password=another-secret-word")
	var audit string
	if err := s.owner.QueryRow(t.Context(), "SELECT json_agg(a) FROM panel_audit a").Scan(&audit); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{goodPassword, "another-secret-word"} {
		if strings.Contains(audit, secret) || strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the audit log or the log", secret)
		}
	}
	if !strings.Contains(s.log.String(), `"path":"/admin/signin"`) {
		t.Error("the log has no line for the sign-in request")
	}
}

func TestHeaders_Security(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	for _, path := range []string{"/admin", "/admin/login", "/admin/nowhere", "/admin/info/plans?x=1", "/admin/assets/panel.css"} {
		h := anna.get(path).header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: Content-Security-Policy %q", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("X-Request-Id") != "" {
			t.Errorf("%s: headers %v", path, h)
		}
		if want := map[bool]string{true: "public, max-age=86400", false: "no-store"}[strings.Contains(path, "assets")]; h.Get("Cache-Control") != want {
			t.Errorf("%s: Cache-Control %q, want %q", path, h.Get("Cache-Control"), want)
		}
	}
}

func TestSession_SeveralPerUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := s.as("anna"), s.as("anna")
	wantStatus(t, "first session", first.get("/admin"), http.StatusOK)
	wantStatus(t, "second session", second.get("/admin"), http.StatusOK)
	wantStatus(t, "sign-out of the second session", second.submit("/admin/logout", url.Values{}), http.StatusSeeOther)
	wantStatus(t, "first session", first.get("/admin"), http.StatusOK)
}

func TestAnonymous_SeesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sell("gold", "Gold")
	b := s.browser()
	for _, path := range []string{"/admin", "/admin/info/plans", "/admin/info/plans/new", "/admin/info/users", "/admin/info/users/detail?id=1", "/admin/info/history", "/admin/info/audit"} {
		got := b.get(path)
		wantStatus(t, path, got, http.StatusSeeOther)
		if strings.Contains(got.body, "Gold") {
			t.Errorf("%s contains a plan", path)
		}
	}
	wantStatus(t, "form", b.post("/admin/new/plans", newPlan()), http.StatusUnauthorized)
}
