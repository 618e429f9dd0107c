package admin_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/browsertest"
)

var (
	keyShown       = regexp.MustCompile(`id="key">([A-Z2-7 ]+)<`)
	recoveryShown  = regexp.MustCompile(`<li><code>([A-Z2-7-]{19})</code>`)
	temporaryShown = regexp.MustCompile(`id="temporary">([A-Z2-7-]+)<`)
)

// app is an authenticator app.
type app struct{ key []byte }

func newApp(t *testing.T, shown string) app {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(shown, " ", ""))
	if err != nil {
		t.Fatalf("key %q: %v", shown, err)
	}
	return app{key}
}

// code returns the code of the step that is so many steps from now.
func (a app) code(offset int64) string {
	mac := hmac.New(sha1.New, a.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30+offset)))
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

func shown(t *testing.T, what *regexp.Regexp, page response) string {
	t.Helper()
	m := what.FindStringSubmatch(page.body)
	if m == nil {
		t.Fatalf("no %v on the page: %d %.800s", what, page.status, page.text())
	}
	return html.UnescapeString(m[1])
}

// turnOn sets up a second factor by the code of this step, and returns the app and the
// recovery codes. The code of the next step is left, and valid for 30 seconds or more.
func (b *browser) turnOn() (a app, recovery []string) {
	b.t.Helper()
	page := b.get("/admin/info/account/factor")
	a = newApp(b.t, shown(b.t, keyShown, page))
	token := shown(b.t, regexp.MustCompile(`name="token" value="([^"]+)"`), page)
	csrf := shown(b.t, csrfField, page)
	done := b.post("/admin/account/factor", url.Values{"csrf": {csrf}, "token": {token}, "password": {goodPassword}, "code": {a.code(0)}})
	wantText(b.t, "recovery codes", done, "shown only now")
	for _, m := range recoveryShown.FindAllStringSubmatch(done.body, -1) {
		recovery = append(recovery, m[1])
	}
	if len(recovery) != 10 {
		b.t.Fatalf("%d recovery codes: %s", len(recovery), done.text())
	}
	return a, recovery
}

func TestSignIn_SecondStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	vera, recovery := s.as("vera").turnOn()
	b := s.browser()
	got := b.signIn("vera", goodPassword)
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/admin/login/code" {
		t.Fatalf("first step: %d to %q", got.status, got.header.Get("Location"))
	}
	for _, c := range got.header.Values("Set-Cookie") {
		if strings.Contains(c, "panel_session=") || strings.Contains(c, "panel_device") {
			t.Errorf("the first step sets %s", strings.SplitN(c, "=", 2)[0])
		}
	}
	if got := b.get("/admin/info/plans"); got.status != http.StatusSeeOther || got.header.Get("Location") != "/admin/login" {
		t.Errorf("a page before the code: %d to %q", got.status, got.header.Get("Location"))
	}
	wantText(t, "second step", b.get("/admin/login/code"), "authenticator app", "vera")
	wrong := b.post("/admin/login/code", url.Values{"code": {"000000"}})
	wantStatus(t, "wrong code", wrong, http.StatusForbidden)
	wantText(t, "wrong code", wrong, "Wrong code, or it was used before.")
	right := vera.code(1)
	if got := b.post("/admin/login/code", url.Values{"code": {right}}); got.header.Get("Location") != "/admin/info/plans" {
		t.Fatalf("right code: %d to %q", got.status, got.header.Get("Location"))
	}
	wantStatus(t, "page", b.get("/admin/info/plans"), http.StatusOK)

	other := s.browser()
	other.signIn("vera", goodPassword)
	wantStatus(t, "used code", other.post("/admin/login/code", url.Values{"code": {right}}), http.StatusForbidden)
	wantStatus(t, "recovery code", other.post("/admin/login/code", url.Values{"code": {recovery[4]}}), http.StatusSeeOther)
	wantStatus(t, "used recovery code", s.second("vera", recovery[4]), http.StatusForbidden)
	if got := s.browser().post("/admin/login/code", url.Values{"code": {vera.code(1)}}); got.header.Get("Location") != "/admin/login" {
		t.Errorf("a code without a password: %d to %q", got.status, got.header.Get("Location"))
	}
}

// second signs in by the password and a code.
func (s *site) second(name, code string) response {
	s.t.Helper()
	b := s.browser()
	b.signIn(name, goodPassword)
	return b.post("/admin/login/code", url.Values{"code": {code}})
}

// Neither the log nor the database has a code, a key or a temporary password.
func TestFactor_LeavesNoSecret(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	vera, recovery := s.as("vera").turnOn()
	code := vera.code(1)
	wantStatus(t, "code", s.second("vera", code), http.StatusSeeOther)
	wantStatus(t, "recovery code", s.second("vera", recovery[0]), http.StatusSeeOther)
	wantStatus(t, "wrong code", s.second("vera", "417417"), http.StatusForbidden)
	temporary := shown(t, temporaryShown, s.as("anna").submit("/admin/people/new", url.Values{"name": {"zoe"}, "role": {"viewer"}}))
	secrets := []string{base32.StdEncoding.EncodeToString(vera.key), fmt.Sprintf("%x", vera.key), code, "417417", temporary, strings.ReplaceAll(temporary, "-", "")}
	for _, r := range recovery {
		secrets = append(secrets, r, strings.ReplaceAll(r, "-", ""))
	}
	var rows string
	err := s.owner.QueryRow(t.Context(), `SELECT concat((SELECT string_agg(a::text, ' ') FROM panel_audit a), (SELECT string_agg(s::text, ' ') FROM panel_sessions s),
		(SELECT string_agg(u::text, ' ') FROM panel_users u WHERE name = 'vera'))`).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	if !strings.Contains(log, "/admin/login/code") || !strings.Contains(rows, "panel_user.totp_on") {
		t.Fatal("the log or the audit is empty")
	}
	for _, secret := range secrets {
		for where, text := range map[string]string{"log": log, "database": rows} {
			if len(secret) == 6 {
				text = withoutTimes(text)
			}
			if strings.Contains(text, secret) {
				t.Errorf("the %s contains %q", where, secret)
			}
		}
	}
}

// Digits of times and ids may equal a code of six digits.
var timesAndIDs = regexp.MustCompile(`[0-9-]{10}[ T"][0-9:.+Z]+|[0-9a-f-]{36}|\\{1,2}x[0-9a-f]+|"(bytes|duration_ms)":[0-9]+`)

func withoutTimes(text string) string { return timesAndIDs.ReplaceAllString(text, "") }

func TestAccount_Attacks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, vera := s.as("anna"), s.as("vera")
	page := anna.get("/admin/info/account/factor")
	token := shown(t, regexp.MustCompile(`name="token" value="([^"]+)"`), page)
	a := newApp(t, shown(t, keyShown, page))
	wantStatus(t, "token of another person", vera.submit("/admin/account/factor", url.Values{"token": {token}, "password": {goodPassword}, "code": {a.code(0)}}), http.StatusBadRequest)
	wantStatus(t, "form without CSRF token", anna.post("/admin/account/factor", url.Values{"token": {token}, "password": {goodPassword}, "code": {a.code(0)}}), http.StatusForbidden)
	got := anna.submit("/admin/account/factor", url.Values{"token": {token}, "password": {"wrong horse battery"}, "code": {a.code(0)}})
	wantStatus(t, "wrong password", got, http.StatusForbidden)
	if again := shown(t, keyShown, got); again != shown(t, keyShown, page) {
		t.Error("the form has another key after a wrong password")
	}
	for path, form := range map[string]url.Values{
		"/admin/people/new": {"name": {"zoe"}, "role": {"editor"}}, "/admin/people/role": {"name": {"vera"}, "role": {"editor"}},
		"/admin/people/disable": {"name": {"anna"}}, "/admin/people/enable": {"name": {"anna"}}, "/admin/people/password": {"name": {"anna"}},
		"/admin/people/factor": {"name": {"anna"}}, "/admin/people/sessions": {"name": {"anna"}},
	} {
		wantStatus(t, "reader: "+path, vera.submit(path, form), http.StatusForbidden)
	}
	for _, path := range []string{"/admin/info/people", "/admin/info/people/new", "/admin/info/people/detail?name=anna"} {
		wantStatus(t, "reader: "+path, vera.get(path), http.StatusForbidden)
	}
	if strings.Contains(vera.get("/admin").body, "/info/people") {
		t.Error("the menu offers the people to a reader")
	}
	for path, form := range map[string]url.Values{
		"/admin/people/role": {"name": {"anna"}, "role": {"viewer"}}, "/admin/people/disable": {"name": {"anna"}},
		"/admin/people/password": {"name": {"anna"}}, "/admin/people/factor": {"name": {"anna"}},
	} {
		wantStatus(t, "own account: "+path, anna.submit(path, form), http.StatusForbidden)
	}
	wantStatus(t, "unknown person", anna.get("/admin/info/people/detail?name=nobody"), http.StatusNotFound)
	wantStatus(t, "unknown role", anna.submit("/admin/people/role", url.Values{"name": {"vera"}, "role": {"owner"}}), http.StatusBadRequest)
}

func required(c *admin.Config) { c.Auth.RequireFactor = true }

// Without a second factor an operator reaches the page that sets one up, and nothing
// else.
func TestRequired_ReachesNothingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, required)
	s.sell("gold", "Gold")
	b := s.as("anna")
	page := b.get("/admin/info/account/factor")
	csrf := shown(t, csrfField, page)
	for _, path := range []string{"/admin", "/admin/info/plans", "/admin/info/plans/new", "/admin/info/people", "/admin/info/account", "/admin/info/payments/csv"} {
		if got := b.get(path); got.status != http.StatusSeeOther || got.header.Get("Location") != "/admin/info/account/factor" {
			t.Errorf("%s: %d to %q", path, got.status, got.header.Get("Location"))
		}
	}
	for path, form := range map[string]url.Values{
		"/admin/new/plans": newPlan(), "/admin/info/find": {"q": {"x"}}, "/admin/people/new": {"name": {"zoe"}, "role": {"editor"}},
		"/admin/account/sessions": {"id": {""}},
	} {
		wantStatus(t, path, b.post(path, withCSRF(form, csrf)), http.StatusForbidden)
	}
	b.turnOn()
	wantStatus(t, "after it is on", b.get("/admin/info/plans"), http.StatusOK)
}

func TestBrowser_SecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t, required)
	w := s.window()
	w.signIn("anna")
	w.Sees("Set up a second factor", "Do this first")
	w.HasContrast("enrolment")
	w.Resize(browsertest.Phone)
	w.Fits("enrolment on a phone")
	w.Shoot("enrol-phone")
	w.Resize(browsertest.Desktop)
	w.Shoot("enrol")
	a := newApp(t, w.content("#key"))
	w.fill(map[string]string{"code": "000000", "password": goodPassword})
	w.Load("#save")
	w.Sees("Wrong password or code")
	w.fill(map[string]string{"code": a.code(0), "password": goodPassword})
	w.Load("#save")
	w.Sees("These recovery codes are shown only now.")
	w.Shoot("codes")
	recovery, another := w.content(".recovery li:first-child code"), w.content(".recovery li:last-child code")
	w.Load("#continue")
	w.Sees("Overview", "anna editor")
	w.Load("#account")
	w.Sees("10 recovery codes are left.", "this one", "A second factor is required")
	w.Shoot("account")
	w.Load("#sign-out")

	w.signIn("anna")
	w.Sees("Second step")
	w.HasContrast("second step")
	w.ShowsFocus("second step")
	w.Load(`.languages button[value="ru"]`)
	w.Sees("Второй шаг")
	w.Shoot("code")
	w.fill(map[string]string{"code": "000000"})
	w.Load("#confirm-code")
	w.Sees("Неверный или уже использованный код.")
	w.fill(map[string]string{"code": a.code(1)})
	w.Load("#confirm-code")
	w.Sees("Обзор")
	w.Load(`.side .languages button[value="en"]`)
	w.Load("#sign-out")

	w.signIn("anna")
	w.fill(map[string]string{"code": strings.ToLower(recovery)})
	w.Load("#confirm-code")
	w.Sees("Overview")
	wantStatus(t, "a second session", s.second("anna", another), http.StatusSeeOther)
	w.Goto("/admin/info/account")
	w.Sees("8 recovery codes are left.")
	w.Has(".end", 1)
	w.Load(".end")
	w.Sees("Sessions of anna have ended.")
	w.Has(".end", 0)
	w.Done()
}

// content returns the text of the first element.
func (w *window) content(selector string) (text string) {
	w.t.Helper()
	w.Run(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

func TestBrowser_People(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.window()
	w.signIn("anna")
	w.Goto("/admin/info/people")
	w.Sees("boris", "vera", "People who can sign in to this panel")
	w.Load("#new")
	w.fill(map[string]string{"name": "Zoë"})
	w.Load("#save")
	w.Sees("must be 1 to 64 letters")
	w.fill(map[string]string{"name": "zoe"})
	w.Load("#save")
	w.Sees("The temporary password is shown only now:", "temporary password")
	w.Shoot("person-new")
	password := w.content("#temporary")
	w.Load("#sign-out")

	w.fill(map[string]string{"username": "zoe", "password": password})
	w.Load("#sign-in")
	w.Sees("Change the password", "Do this first")
	w.fill(map[string]string{"old": password, "password": goodPassword, "repeat": goodPassword + "!"})
	w.Load("#save")
	w.Sees("the two new passwords differ")
	w.fill(map[string]string{"old": password, "password": goodPassword, "repeat": goodPassword})
	w.Load("#save")
	w.Sees("My account", "The password of zoe is changed.", "zoe reader")
	w.Load("#sign-out")

	s.as("zoe")
	w.signIn("anna")
	w.Goto("/admin/info/people/detail?name=zoe")
	w.Choose("#role", "editor")
	w.Load("#save-role")
	w.Sees("The role of zoe is changed.", "Not signed in.")
	w.Resize(browsertest.Phone)
	w.Fits("person on a phone")
	w.Shoot("person-phone")
	w.Resize(browsertest.Desktop)
	w.Load("#disable")
	w.Sees("zoe is disabled.")
	w.Shoot("person")
	w.Load("#enable")
	w.Sees("zoe is enabled.")
	w.Load("#reset-password")
	w.Sees("The temporary password is shown only now:")
	w.Goto("/admin/info/audit")
	w.Sees("panel user added", "role changed", "panel user disabled", "panel user enabled", "temporary password set")
	w.Done()
}

// Two editors who disable each other at the same moment: the second one is no editor any
// more, so one of them stays.
func TestPeople_LastEditorStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	results := make(chan int, 2)
	forms := map[*browser]url.Values{}
	for name, other := range map[string]string{"anna": "boris", "boris": "anna"} {
		b := s.as(name)
		forms[b] = url.Values{"name": {other}, "csrf": {b.csrf()}}
	}
	for b, form := range forms {
		go func() { results <- b.post("/admin/people/disable", form).status }()
	}
	first, second := <-results, <-results
	if (first == http.StatusSeeOther) == (second == http.StatusSeeOther) {
		t.Errorf("statuses %d and %d, want one success", first, second)
	}
	var editors int
	if err := s.owner.QueryRow(t.Context(), "SELECT count(*) FROM panel_users WHERE role = 'editor' AND disabled_at IS NULL").Scan(&editors); err != nil || editors != 1 {
		t.Errorf("%d editors are left, %v; want 1", editors, err)
	}
}
