package e2e

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/browsertest"
)

// demoPath returns the path of the demo page's address in the banner, with the token.
func (d *devRun) demoPath(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(d.viewer.base) + `(/demo#token=\S+)$`).FindStringSubmatch(d.output())
	if m == nil {
		t.Fatal("the banner has no address of the demo page")
	}
	return m[1]
}

// demoWords are texts of the demo page in one language.
type demoWords struct {
	language                               string
	choose, paid, changed, cancelled       string
	resumed, ended, declined, confirmation string
}

var demoLanguages = []demoWords{
	{
		language: "en", choose: "Choose how to pay", paid: "Paid: Premium is active until", changed: "The payment method is changed.",
		cancelled: "Cancelled: access goes on until", resumed: "The cancel is taken back.", ended: "The subscription has ended.",
		declined: "The payment was declined: not enough money.", confirmation: "The payment waits for you on the page",
	},
	{
		language: "ru", choose: "Выберите способ оплаты", paid: "Оплачено: Premium действует до", changed: "Способ оплаты изменён.",
		cancelled: "Подписка отменена: доступ до", resumed: "Отмена отозвана.", ended: "Подписка закончилась.",
		declined: "Платёж отклонён: не хватает денег.", confirmation: "Платёж ждёт вас на странице",
	},
}

// A viewer subscribes on the payment system's page with a card that needs 3-D Secure,
// replaces the payment method, and cancels.
func TestDemo_SubscribeChangeCancel(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	for _, words := range demoLanguages {
		b := browsertest.Open(t, d.viewer.base)
		b.Speaks(words.language)
		b.Goto(d.demoPath(t))
		b.WaitFor(words.choose)
		var address string
		b.Run(chromedp.Location(&address))
		if address != d.viewer.base+"/demo" {
			t.Errorf("the address is %s, want it without the token", address)
		}
		looksWell(b, words.language+"-plans")

		b.Press(`.way input[value="page"]`)
		b.Load("#pay")
		b.Type(`input[name="card"]`, "4000 0025 0000 3155")
		b.Load(`button[value="pay"]`)
		b.Goto("/demo") // the viewer comes back too early
		b.WaitFor(words.confirmation)
		looksWell(b, words.language+"-confirmation")
		b.ShowsFocus("confirmation")
		b.Load(".call .button")
		b.Load(`button[value="approve"]`)
		b.WaitFor(words.paid)
		looksWell(b, words.language+"-active")

		b.Press(`[data-key^="change:"]`)
		looksWell(b, words.language+"-change")
		b.ShowsFocus("change")
		b.Press(".panel .button.main")
		b.WaitFor(words.changed)
		b.Press(`[data-key^="cancel:"]`)
		looksWell(b, words.language+"-cancel")
		b.Press(".panel .danger")
		b.WaitFor(words.cancelled)
		b.Press(`[data-key^="resume:"]`)
		b.WaitFor(words.resumed)
		b.Press(`[data-key^="cancel:"]`)
		b.Press(`.panel input[value="now"]`)
		b.Press(".panel .danger")
		b.WaitFor(words.ended)
		b.Sees(words.choose) // for the next subscription
		b.Has(".requests details", 5)
		b.Has(".requests .body > code", 4) // each POST has an Idempotency-Key
		b.Done()
	}
	events := []string{"subscribed", "method_replaced", "cancel_requested", "cancel_revoked", "cancel_requested", "ended"}
	if diff := cmp.Diff(append(events, events...), d.demoEvents(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// demoEvents returns the types of the viewer's events about subscriptions, oldest first.
func (d *devRun) demoEvents(t *testing.T) []string {
	t.Helper()
	var types []string
	for _, e := range d.viewer.eventTypes(t) {
		if !strings.HasPrefix(e, "payment_method_") {
			types = append(types, e)
		}
	}
	return types
}

// A declined payment is explained, and the viewer pays by a test card then.
func TestDemo_TokenAndCard(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	for _, words := range demoLanguages {
		b := browsertest.Open(t, d.viewer.base)
		b.Speaks(words.language)
		b.Goto(d.demoPath(t))
		b.WaitFor(words.choose)
		b.Choose("#means .detail select", "tok_insufficient_funds")
		b.Press("#pay")
		b.WaitFor(words.declined)
		b.Sees("payment_declined · insufficient_funds")
		looksWell(b, words.language+"-declined")

		b.Press(`.way input[value="card"]`)
		b.Choose("#means .detail select", "4242424242424242")
		looksWell(b, words.language+"-card")
		if words.language == "en" {
			b.Resize(browsertest.Screen{Width: 1180, Height: 900})
			b.Shoot("picture") // the picture in README is adapters/httpapi/demo.png
		}
		b.ShowsFocus("card")
		b.Press("#pay")
		b.WaitFor(words.paid)
		b.Run(chromedp.Evaluate(`document.querySelectorAll(".requests details").forEach(d => d.open = true)`, nil))
		b.Sees("•••• 4242", "•••")
		looksWell(b, words.language+"-requests")
		b.Press(`[data-key^="cancel:"]`)
		b.Press(`.panel input[value="now"]`)
		b.Press(".panel .danger")
		b.WaitFor(words.ended)
		b.Done()
	}
}

// looksWell checks the layout of the demo page on a desktop and on a phone, and its
// contrast in light and in dark colors.
func looksWell(b *browsertest.Browser, name string) {
	b.Resize(browsertest.Phone)
	b.Fits(name + " on a phone")
	b.Shoot(name + "-phone")
	b.Resize(browsertest.Screen{Width: 1440, Height: 900})
	b.Fits(name)
	for _, dark := range []bool{true, false} {
		b.Dark(dark)
		scheme := map[bool]string{true: "-dark", false: "-light"}[dark]
		b.HasContrast(name + scheme)
		b.Shoot(name + scheme)
	}
}

// A viewer without a token pastes one. After a declined renewal the viewer pays for the
// period that is past due.
func TestDemo_PastDue(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	b := browsertest.Open(t, d.viewer.base)
	b.Goto("/demo")
	b.WaitFor("Paste the token of a viewer.")
	looksWell(b, "no-token")
	b.ShowsFocus("no token")
	b.Type("#token-text", "eyJ.wrong.token")
	b.Press("#token .main")
	b.WaitFor("The token is missing, invalid or expired.")
	b.Type("#token-text", d.viewer.token)
	b.Press("#token .main")
	b.WaitFor("Choose how to pay")

	b.Choose("#means .detail select", "tok_ok_then_insufficient_funds")
	b.Press("#pay")
	b.WaitFor("Paid: Premium is active until")
	sh(t, d.operator+program(t, "billingctl")+" clock advance 31d --step")
	b.Goto("/demo")
	b.WaitFor("Past due")
	b.ShowsFocus("past due")
	b.Press(`[data-key^="pay:"]`)
	looksWell(b, "past-due")
	b.Press(".panel .button.main")
	b.WaitFor("The payment was declined: not enough money.")
	b.Press(`.panel .way input[value="token"]`)
	b.Press(".panel .button.main")
	b.WaitFor("Paid: Premium is active until")
	b.Done()
	if got := d.viewer.get(t, "/v1/subscriptions/premium").body.Status; got != "active" || !slices.Contains(d.demoEvents(t), "renewed") {
		t.Errorf("the subscription is %s with the history %q, want it active and renewed", got, d.demoEvents(t))
	}
}

// An operator gives the viewer a plan. The page names no payment of it.
func TestDemo_GivenPlan(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	d.viewer.get(t, "/v1/entitlements") // the viewer is seen
	sh(t, d.operator+program(t, "billingctl")+" give 3d --user demo-viewer --plan basic --reason gift")
	b := browsertest.Open(t, d.viewer.base)
	b.Goto(d.demoPath(t))
	b.WaitFor("A gift, not renewed")
	b.Sees("Given period", "Access until", "End now")
	var text string
	b.Run(chromedp.Text(".sub", &text, chromedp.ByQuery))
	for _, unwanted := range []string{"Paid period", "Latest payment", "Payment method", "Resume"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the page of a given plan has %q: %s", unwanted, text)
		}
	}
	looksWell(b, "given")
	b.Done()
}

// The test runs axe-core on the demo page.
func TestDemo_Axe(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	b := browsertest.Open(t, d.viewer.base)
	check := b.Axe()
	b.Goto("/demo")
	b.WaitFor("Paste the token of a viewer.")
	check("no token")
	b.Goto(d.demoPath(t))
	for _, way := range []string{"token", "page", "card"} {
		b.Press(`.way input[value="` + way + `"]`)
		check(way)
	}
	b.Press("#pay")
	b.WaitFor("Paid: Premium is active until")
	for _, panel := range []string{"change", "cancel"} {
		b.Press(`[data-key^="` + panel + `:"]`)
		check(panel)
	}
	b.Resize(browsertest.Phone)
	b.Press(`#languages [value="ru"]`)
	b.WaitFor("Оплачено: Premium действует до")
	check("in Russian on a phone")
}

// The demo page is for development only.
func TestDemo_OnlyInDevelopment(t *testing.T) {
	t.Parallel()
	a := newWorld(t).api(t, "billing-api") // with BILLING_ENV=test
	resp, err := http.Get(a.base + "/demo")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET /demo: status %d, want 404", resp.StatusCode)
	}
}
