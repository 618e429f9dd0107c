package admin_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/online-cinema/billing/core/billing"
)

// chromium returns the path of the browser. Without a browser the tests fail if CI
// is set, and are skipped otherwise.
var chromium = sync.OnceValues(func() (string, error) {
	for _, name := range []string{os.Getenv("BILLING_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium: apt-get install chromium, or set BILLING_CHROMIUM to its path")
})

// screen is the size of a browser window in pixels.
type screen struct{ width, height int64 }

var (
	desktop = screen{1280, 800}
	phone   = screen{390, 844}
)

// window is a Chromium that shows a site. Each test starts its own.
type window struct {
	*site
	ctx      context.Context
	mu       sync.Mutex
	problems []string // console errors, exceptions, and requests to other sites
}

func (s *site) window() *window {
	s.t.Helper()
	path, err := chromium()
	if err != nil {
		if os.Getenv("CI") != "" {
			s.t.Fatal(err)
		}
		s.t.Skip(err)
	}
	profile, err := os.MkdirTemp("", "billing-browser-")
	if err != nil {
		s.t.Fatal(err)
	}
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-US"))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 3*time.Minute)
	s.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	s.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	s.t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser, which may still write to its profile
		_ = os.RemoveAll(profile)
		cancel()
	})
	w := &window{site: s, ctx: ctx}
	chromedp.ListenTarget(ctx, w.listen)
	w.run(log.Enable(), runtime.Enable(), network.Enable())
	w.resize(desktop)
	return w
}

func (w *window) listen(event any) {
	problem := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			problem = "console: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		problem = "console: " + string(e.Type)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, w.url) && !strings.HasPrefix(e.Request.URL, "data:") {
			problem = "request to " + e.Request.URL
		}
	}
	// Chromium logs the status 4xx of a refused form as an error.
	if problem != "" && !strings.Contains(problem, "the server responded with a status of 4") {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.problems = append(w.problems, problem)
	}
}

func (w *window) run(actions ...chromedp.Action) {
	w.t.Helper()
	if err := chromedp.Run(w.ctx, actions...); err != nil {
		w.shoot("failed")
		w.t.Fatal(err)
	}
}

func (w *window) resize(to screen) {
	w.t.Helper()
	w.run(emulation.SetDeviceMetricsOverride(to.width, to.height, 1, to == phone))
}

func (w *window) open(path string) {
	w.t.Helper()
	w.run(chromedp.Navigate(w.url + path))
}

func (w *window) click(selector string) {
	w.t.Helper()
	// Every click in these tests loads another page.
	_, err := chromedp.RunResponse(w.ctx, chromedp.Click(selector, chromedp.ByQuery))
	if err != nil {
		w.shoot("failed")
		w.t.Fatalf("click %s: %v", selector, err)
	}
}

func (w *window) fill(fields map[string]string) {
	w.t.Helper()
	for id, value := range fields {
		w.run(chromedp.Clear("#"+id, chromedp.ByQuery), chromedp.SendKeys("#"+id, value, chromedp.ByQuery))
	}
}

// sees checks that the loaded page contains these texts.
func (w *window) sees(texts ...string) {
	w.t.Helper()
	var all string
	w.run(chromedp.Evaluate(`document.body.innerText`, &all))
	all = strings.Join(strings.Fields(strings.ReplaceAll(all, "\u00a0", " ")), " ")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			w.t.Errorf("no %q on the page:\n%.1500s", text, all)
		}
	}
}

func (w *window) has(selector string, want int) {
	w.t.Helper()
	var n int
	w.run(chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll(%q).length`, selector), &n))
	if n != want {
		w.t.Errorf("%d elements match %s, want %d", n, selector, want)
	}
}

func (w *window) signIn(name string) {
	w.t.Helper()
	w.open("/admin")
	w.fill(map[string]string{"username": name, "password": goodPassword})
	w.click("#sign-in")
}

// shoot writes a screenshot to the directory BILLING_SCREENSHOTS, if it is set.
func (w *window) shoot(name string) {
	dir := os.Getenv("BILLING_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(w.ctx, chromedp.FullScreenshot(&png, 100)); err == nil {
		_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(w.t.Name(), "/", "-")+"-"+name+".png"), png, 0o644)
	}
}

// done reports the problems of all pages.
func (w *window) done() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, problem := range w.problems {
		w.t.Error(problem)
	}
}

func TestBrowser_Catalogue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	used := s.sell("used", "Used")
	s.subscribed(used)
	w := s.window()
	w.open("/admin/info/plans")
	w.fill(map[string]string{"username": "anna", "password": "wrong horse battery"})
	w.click("#sign-in")
	w.sees("Wrong user name or password")
	w.fill(map[string]string{"password": goodPassword})
	w.click("#sign-in")
	w.sees("Plans", "Used", "New plan", "anna editor") // the page before sign-in

	w.click("#new")
	w.fill(map[string]string{"name": "Gold", "code": "Gold!", "price": "much"})
	w.click("#save")
	w.sees("Not saved", "must be 1 to 63 lower-case letters", "must be a decimal number such as 399.00")
	var kept string
	w.run(chromedp.Value("#price", &kept, chromedp.ByQuery))
	if kept != "much" {
		t.Errorf("price in the form: %q", kept)
	}
	w.shoot("invalid")
	w.fill(map[string]string{"code": "gold", "price": "499.50", "features": "hd, 4k"})
	w.click("#save")
	w.sees("Plan “Gold” is on sale.", "₽499.50")

	w.open("/admin/info/plans/edit?id=" + string(used.ID))
	w.fill(map[string]string{"price": "449.00", "name": script})
	w.click("#save")
	w.sees("Change the price?", "₽399.00 → ₽449.00", "1 subscriber: the price stays the same.")
	w.shoot("confirm")
	w.click("#confirm")
	w.sees("is saved.", script, "₽449.00")
	w.has("img[src=x], #content script", 0)

	gold, _ := s.plan("gold")
	for id, want := range map[string]string{string(gold.ID): "is deleted: it never had a subscription.", string(used.ID): "is archived, not deleted"} {
		w.open("/admin/info/plans/delete?id=" + id)
		w.click("#delete")
		w.sees(want)
	}

	w.open("/admin/info/payment_systems")
	w.click("#new")
	w.fill(map[string]string{"name": "My bank", "code": "bank"})
	w.click("#save")
	w.sees("Payment system “My bank” is added.", "registered")
	w.open("/admin/info/payment_systems/edit?id=bank")
	w.fill(map[string]string{"name": "Our bank"})
	w.click("#save")
	w.sees("Payment system “Our bank” is saved.")
	w.open("/admin/info/payment_systems/delete?id=bank")
	w.click("#delete")
	w.sees("Payment system “Our bank” is deleted")

	w.open("/admin/info/audit")
	w.sees("payment system deleted", "plan changed", "plan archived", "127.0.0.1")
	w.click("#sign-out")
	w.sees("Sign in")
	w.open("/admin/info/plans")
	w.sees("Sign in")
	w.done()
}

func TestBrowser_Reader(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	w := s.window()
	w.signIn("vera")
	w.sees("vera reader")
	w.open("/admin/info/plans")
	w.sees("Gold")
	w.has("#new, .row-actions a", 0)
	w.open("/admin/info/plans/edit?id=" + string(p.ID))
	w.sees("Your role does not allow this")
	w.done()
}

// The test opens every page in both languages, on a desktop and on a phone. No page
// overflows the screen, logs an error or lacks a translation.
func TestBrowser_EveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("premium", "Premium")
	user := s.held(p, billing.AuthenticationRequired)
	s.subscribed(s.sell("basic", "Basic"))
	w := s.window()
	w.signIn("anna")
	pages := map[string][languagesOfTest]string{
		"/admin":                {"On hold by reason", "Ждут зрителя по причинам"},
		"/admin/info/plans":     {"New plan", "Новый тариф"},
		"/admin/info/plans/new": {"Features", "Возможности"},
		"/admin/info/plans/edit?id=" + string(p.ID):   {"price and period stay the same", "цена и период не изменятся"},
		"/admin/info/plans/delete?id=" + string(p.ID): {"Delete “Premium”?", "Удалить «Premium»?"},
		"/admin/info/payment_systems":                 {"registered", "подключён"},
		"/admin/info/payment_systems/new":             {"Code of the adapter", "Код адаптера"},
		"/admin/info/users":                           {"Search", "Найти"},
		"/admin/info/users?search=zz":                 {"An id consists of", "Идентификатор состоит"},
		"/admin/info/users/detail?id=" + string(user): {"confirm the payment with the bank", "подтвердить платёж в банке"},
		"/admin/info/history":                         {"cancelled", "подписка отменена"},
		"/admin/info/audit":                           {"plan added", "тариф добавлен"},
		"/admin/nowhere":                              {"Not found", "Не найдено"},
	}
	for i, language := range []string{"en", "ru"} {
		w.resize(desktop)
		w.open("/admin")
		w.click(`.side .languages button[value="` + language + `"]`)
		for _, size := range []screen{desktop, phone} {
			w.resize(size)
			for path, texts := range pages {
				w.open(path)
				w.sees(texts[i])
				w.fits(path, size)
				name, _, _ := strings.Cut(strings.TrimPrefix(path, "/admin"), "?")
				w.shoot(fmt.Sprintf("%s-%d-%s", language, size.width, url.PathEscape(strings.ReplaceAll(name, "/", "_"))))
			}
		}
	}
	w.resize(phone)
	w.open("/admin")
	var shown bool
	w.run(chromedp.Evaluate(`document.querySelector(".menu").offsetParent !== null`, &shown))
	if shown {
		t.Error("the menu is open on a phone before a tap on its button")
	}
	w.run(chromedp.Click(".menu-button", chromedp.ByQuery), chromedp.WaitVisible(".menu", chromedp.ByQuery))
	w.shoot("menu")
	w.done()
}

const languagesOfTest = 2

// fits checks that the page is not wider than the window.
func (w *window) fits(path string, size screen) {
	w.t.Helper()
	var over int
	w.run(chromedp.Evaluate(`document.documentElement.scrollWidth - window.innerWidth`, &over))
	if over > 0 {
		w.t.Errorf("%s overflows by %d pixels at width %d", path, over, size.width)
	}
}
