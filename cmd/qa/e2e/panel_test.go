package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// operator is a client of the panel.
type operator struct {
	base   string
	ops    string // empty if `billingctl dev` started the panel
	client *http.Client
}

// bannerValue returns the value of a label in the banner.
func (d *devRun) bannerValue(t *testing.T, label string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^  ` + label + ` +(.+)$`).FindStringSubmatch(d.output())
	if m == nil {
		t.Fatalf("no %s in the banner", label)
	}
	return m[1]
}

// signIn signs in at the panel with the login in the banner.
func (d *devRun) signIn(t *testing.T) operator {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := operator{base: strings.TrimSuffix(d.bannerValue(t, "Panel"), "/admin"), client: &http.Client{Jar: jar}}
	page := o.post(t, "/admin/signin", url.Values{"name": {d.bannerValue(t, "Name")}, "password": {d.bannerValue(t, "Password")}})
	if !strings.Contains(page, "Active subscriptions") {
		t.Fatalf("after signing in: %s", page)
	}
	return o
}

func (o operator) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.do(t, req)
}

func (o operator) post(t *testing.T, path string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return o.do(t, req)
}

func (o operator) do(t *testing.T, req *http.Request) string {
	t.Helper()
	resp, err := o.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusInternalServerError {
		t.Fatalf("%s: %s, %v\n%s", req.URL, resp.Status, err, text)
	}
	return string(text)
}

func TestPanel_WithAPI(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	d := startDev(t, "--data", dir)
	o := d.signIn(t)

	// A plan that was added at the panel can be bought.
	csrf := regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`).FindStringSubmatch(o.get(t, "/admin/info/plans/new"))
	o.post(t, "/admin/new/plans", url.Values{
		"csrf": {csrf[1]}, "code": {"gold"}, "name": {"Gold"}, "price": {"499.00"}, "currency": {"RUB"}, "interval_months": {"1"}, "features": {"hd"},
	})
	a := d.viewer.call(t, http.MethodPost, "/v1/subscriptions", "",
		`{"plan_code":"gold","price":{"amount":49900,"currency":"RUB"},"payment_system":"simulator","payment_token":"tok_ok"}`)
	if a.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", a.status, a.text)
	}

	// The panel shows actions of viewers.
	for path, want := range map[string]string{
		"/admin": "₽499.00", "/admin/info/history": "subscribed", "/admin/info/audit": "plan added", "/admin/info/payment_systems": "registered",
	} {
		if page := o.get(t, path); !strings.Contains(page, want) {
			t.Errorf("%s does not show %q:\n%s", path, want, page)
		}
	}
	user := regexp.MustCompile(`detail\?id=[0-9a-f-]+`).FindString(o.get(t, "/admin/info/users"))
	if page := o.get(t, "/admin/info/users/"+user); !strings.Contains(page, "The first payment of plan gold") {
		t.Errorf("the user's page does not explain the payment:\n%s", page)
	}

	// The banner has the password once. It is the same at the next start.
	password := d.bannerValue(t, "Password")
	if n := strings.Count(d.output(), password); n != 1 {
		t.Errorf("the output has the password %d times, want 1", n)
	}
	d.signal(t, syscall.SIGTERM)
	d.wait(t)
	second := startDev(t, "--data", dir)
	if again := second.bannerValue(t, "Password"); again != password {
		t.Errorf("password %q at the next start, want %q as before", again, password)
	}
	second.signIn(t)
	sh(t, "printf 'a password of my own\\n' | env "+strings.ReplaceAll(strings.ReplaceAll(second.operator, "export ", ""), "\n", " ")+
		program(t, "billingctl")+" admin-user passwd admin")
	second.signal(t, syscall.SIGTERM)
	second.wait(t)
	if third := startDev(t, "--data", dir).bannerValue(t, "Password"); third != "the one that you set" {
		t.Errorf("after a password change: %q, want the hint that you set it", third)
	}
}
