package admin_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/online-cinema/billing/adapters/browsertest"
	"github.com/online-cinema/billing/core/billing"
)

// window is a browser that shows a site. Each test starts its own.
type window struct {
	*site
	*browsertest.Browser
}

func (s *site) window() *window {
	s.t.Helper()
	return &window{s, browsertest.Open(s.t, s.url)}
}

func (w *window) fill(fields map[string]string) {
	w.t.Helper()
	for id, value := range fields {
		w.Run(chromedp.Clear("#"+id, chromedp.ByQuery), chromedp.SendKeys("#"+id, value, chromedp.ByQuery))
	}
}

func (w *window) signIn(name string) {
	w.t.Helper()
	w.Goto("/admin")
	w.fill(map[string]string{"username": name, "password": goodPassword})
	w.Load("#sign-in")
}

func TestBrowser_Catalogue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	used := s.sell("used", "Used")
	s.subscribed(used)
	w := s.window()
	w.Goto("/admin/info/plans")
	w.fill(map[string]string{"username": "anna", "password": "wrong horse battery"})
	w.Load("#sign-in")
	w.Sees("Wrong user name or password")
	w.fill(map[string]string{"password": goodPassword})
	w.Load("#sign-in")
	w.Sees("Plans", "Used", "New plan", "anna editor") // the page before sign-in

	w.Load("#new")
	w.fill(map[string]string{"name": "Gold", "code": "Gold!", "price": "much"})
	w.Load("#save")
	w.Sees("Not saved", "must be 1 to 63 lower-case letters", "must be a decimal number such as 399.00")
	var kept string
	w.Run(chromedp.Value("#price", &kept, chromedp.ByQuery))
	if kept != "much" {
		t.Errorf("price in the form: %q", kept)
	}
	w.Shoot("invalid")
	w.fill(map[string]string{"code": "gold", "price": "499.50", "features": "hd, 4k"})
	w.Load("#save")
	w.Sees("Plan “Gold” is on sale.", "₽499.50")

	w.Goto("/admin/info/plans/edit?id=" + string(used.ID))
	w.fill(map[string]string{"price": "449.00", "name": script})
	w.Load("#save")
	w.Sees("Change the price?", "₽399.00 → ₽449.00", "1 subscriber: the price stays the same.")
	w.Shoot("confirm")
	w.Load("#confirm")
	w.Sees("is saved.", script, "₽449.00")
	w.Has("img[src=x], #content script", 0)

	gold, _ := s.plan("gold")
	for id, want := range map[string]string{string(gold.ID): "is deleted: it never had a subscription.", string(used.ID): "is archived. Its subscriptions keep renewing."} {
		w.Goto("/admin/info/plans/delete?id=" + id)
		w.Load("#delete")
		w.Sees(want)
	}

	w.Goto("/admin/info/payment_systems")
	w.Load("#new")
	w.fill(map[string]string{"name": "My bank", "code": "bank"})
	w.Load("#save")
	w.Sees("Payment system “My bank” is added.", "registered")
	w.Goto("/admin/info/payment_systems/edit?id=bank")
	w.fill(map[string]string{"name": "Our bank"})
	w.Load("#save")
	w.Sees("Payment system “Our bank” is saved.")
	w.Goto("/admin/info/payment_systems/delete?id=bank")
	w.Load("#delete")
	w.Sees("Payment system “Our bank” is deleted")

	w.Goto("/admin/info/audit")
	w.Sees("payment system deleted", "plan changed", "plan archived", "127.0.0.1")
	w.Load("#sign-out")
	w.Sees("Sign in")
	w.Goto("/admin/info/plans")
	w.Sees("Sign in")
	w.Done()
}

func TestBrowser_Reader(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	w := s.window()
	w.signIn("vera")
	w.Sees("vera reader")
	w.Goto("/admin/info/plans")
	w.Sees("Gold")
	w.Has("#new, .row-actions a", 0)
	w.Goto("/admin/info/plans/edit?id=" + string(p.ID))
	w.Sees("Your role does not allow this")
	w.Done()
}

// The test opens every page in both languages, on a desktop and on a phone. No page
// overflows the screen, logs an error or lacks a translation.
func TestBrowser_EveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("premium", "Premium")
	user := s.held(p, billing.AuthenticationRequired)
	paying := s.subscribed(s.sell("basic", "Basic"))
	s.waiting(paying)
	old := s.sell("old", "Old")
	s.archive(old)
	ending := s.sell("gold", "Gold")
	s.end(ending)
	w := s.window()
	w.signIn("anna")
	pages := map[string][languagesOfTest]string{
		"/admin":                {"On hold by reason", "Ждут зрителя по причинам"},
		"/admin/info/plans":     {"New plan", "Новый тариф"},
		"/admin/info/plans/new": {"Features", "Возможности"},
		"/admin/info/plans/edit?id=" + string(p.ID):      {"price and period stay the same", "цена и период не изменятся"},
		"/admin/info/plans/delete?id=" + string(p.ID):    {"Archive “Premium”?", "Перенести «Premium» в архив?"},
		"/admin/info/payment_systems":                    {"registered", "подключён"},
		"/admin/info/payment_systems/new":                {"Code of the adapter", "Код адаптера"},
		"/admin/info/find":                               {"the last four digits of a card", "четыре последние цифры карты"},
		"/admin/info/users":                              {"First seen from", "Первый визит с"},
		"/admin/info/payments":                           {"Reason", "Причина"},
		"/admin/info/subscriptions":                      {"On hold by reason", "Ждёт зрителя по причине"},
		"/admin/info/users?before=zz":                    {"Invalid request", "Некорректный запрос"},
		"/admin/info/plans/restore?id=" + string(old.ID): {"Restore “Old”?", "Вернуть «Old» из архива?"},
		"/admin/info/users/detail?id=" + string(user):    {"confirm the payment with the bank", "подтвердить платёж в банке"},
		"/admin/info/history":                            {"cancelled", "подписка отменена"},
		"/admin/info/audit":                              {"plan added", "тариф добавлен"},
		"/admin/nowhere":                                 {"Not found", "Не найдено"},
		endPath(p):                                       {"to confirm", "для подтверждения"},
		endPath(ending):                                  {"In progress", "Выполняется"},
		givePlanForm + string(s.seen()):                  {"The viewer pays nothing", "Зритель ничего не платит"},
		s.formOf(paying, "give"):                         {"One period of the plan", "Один период тарифа"},
		s.formOf(paying, "refund"):                       {"The unused days, today included, are worth", "Неиспользованные дни, включая сегодняшний"},
		s.formOf(paying, "settle"):                       {"Outcome at the payment system", "Исход в платёжной системе"},
		"/admin/info/approvals":                          {"Give one period", "Подарить один период"},
		"/admin/info/account":                            {"Set up a second factor", "Настроить второй фактор"},
		"/admin/info/account/password":                   {"At least 12 characters", "Не короче 12 знаков"},
		"/admin/info/account/factor":                     {"type this key into the app", "введите в приложение этот ключ"},
		"/admin/info/people":                             {"New person", "Новый пользователь"},
		"/admin/info/people/new":                         {"shows a temporary password", "будет временный пароль"},
		"/admin/info/people/detail?name=vera":            {"New temporary password", "Новый временный пароль"},
	}
	for i, language := range []string{"en", "ru"} {
		w.Resize(browsertest.Desktop)
		w.Goto("/admin")
		w.Load(`.side .languages button[value="` + language + `"]`)
		for _, size := range []browsertest.Screen{browsertest.Desktop, browsertest.Phone} {
			w.Resize(size)
			for path, texts := range pages {
				w.Goto(path)
				w.Sees(texts[i])
				w.Fits(fmt.Sprintf("%s at width %d", path, size.Width))
				name, _, _ := strings.Cut(strings.TrimPrefix(path, "/admin"), "?")
				w.Shoot(fmt.Sprintf("%s-%d-%s", language, size.Width, url.PathEscape(strings.ReplaceAll(name, "/", "_"))))
			}
		}
	}
	w.Resize(browsertest.Phone)
	w.Goto("/admin")
	var shown bool
	w.Run(chromedp.Evaluate(`document.querySelector(".menu").offsetParent !== null`, &shown))
	if shown {
		t.Error("the menu is open on a phone before a tap on its button")
	}
	w.Run(chromedp.Click(".menu-button", chromedp.ByQuery), chromedp.WaitVisible(".menu", chromedp.ByQuery))
	w.Shoot("menu")
	w.Done()
}

const languagesOfTest = 2
