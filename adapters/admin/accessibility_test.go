package admin_test

import (
	"testing"

	"github.com/online-cinema/billing/adapters/browsertest"
	"github.com/online-cinema/billing/core/billing"
)

// accessiblePages are pages with every kind of element.
func accessiblePages(s *site) []string {
	p := s.sell("premium", "Premium")
	user := s.held(p, billing.CardExpired)
	paying := s.subscribed(p)
	s.waiting(paying)
	endpoint, _ := s.addEndpoint()
	ending := s.sell("gold", "Gold")
	s.end(ending)
	form := []string{"/admin/info/plans/new", "/admin/info/plans/edit?id=" + string(p.ID), "/admin/info/plans/delete?id=" + string(p.ID), endPath(p)}
	return append(form, "/admin", "/admin/info/plans", "/admin/info/payment_systems", "/admin/info/users", "/admin/info/users?before=zz", "/admin/info/find", "/admin/info/payments", "/admin/info/subscriptions", "/admin/info/plans/restore?id="+string(p.ID),
		"/admin/info/users/detail?id="+string(user), pageOf(paying), s.formOf(paying, "give"), givePlanForm+string(s.seen()), endPath(ending), s.formOf(paying, "refund"), s.formOf(paying, "settle"), "/admin/info/approvals", "/admin/info/history", "/admin/info/audit", "/admin/nowhere",
		"/admin/info/endpoints", "/admin/info/endpoints/manage?id="+string(endpoint.ID),
		"/admin/info/account", "/admin/info/account/password", "/admin/info/account/factor", "/admin/info/people", "/admin/info/people/new",
		"/admin/info/people/detail?name=vera")
}

func TestBrowser_ContrastAndFocus(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	pages := accessiblePages(s)
	w := s.window()
	w.Goto("/admin/login")
	w.fill(map[string]string{"username": "anna", "password": "wrong horse battery"})
	w.Load("#sign-in")
	w.HasContrast("refused sign-in")
	w.Goto("/admin/login")
	w.ShowsFocus("/admin/login")
	w.signIn("anna")
	for _, page := range pages {
		w.Goto(page)
		w.HasContrast(page)
		w.ShowsFocus(page)
	}
	w.Goto("/admin/info/plans/new")
	w.Load("#save")
	w.HasContrast("refused form")
	w.fill(map[string]string{"name": "Gold", "code": "gold", "price": "1"})
	w.Load("#save")
	w.HasContrast("notice")
	w.Resize(browsertest.Phone)
	w.Goto("/admin/info/plans")
	w.HasContrast("phone")
	w.ShowsFocus("phone")
}

// The test runs axe-core on every page.
func TestBrowser_Axe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	pages := accessiblePages(s)
	w := s.window()
	check := w.Axe()
	w.Goto("/admin/login")
	check("/admin/login")
	w.signIn("anna")
	for language, size := range map[string]browsertest.Screen{"en": browsertest.Desktop, "ru": browsertest.Phone} {
		w.Resize(browsertest.Desktop)
		w.Goto("/admin")
		w.Load(`.side .languages button[value="` + language + `"]`)
		w.Resize(size)
		for _, page := range pages {
			w.Goto(page)
			check(page)
		}
	}
}
