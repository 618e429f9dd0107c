package admin_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/online-cinema/billing/core/billing"
)

// accessiblePages are pages with every kind of element.
func accessiblePages(s *site) []string {
	p := s.sell("premium", "Premium")
	user := s.held(p, billing.CardExpired)
	form := []string{"/admin/info/plans/new", "/admin/info/plans/edit?id=" + string(p.ID), "/admin/info/plans/delete?id=" + string(p.ID)}
	return append(form, "/admin", "/admin/info/plans", "/admin/info/payment_systems", "/admin/info/users", "/admin/info/users?search=zz",
		"/admin/info/users/detail?id="+string(user), "/admin/info/history", "/admin/info/audit", "/admin/nowhere")
}

// colors defines functions on computed colors: contrast returns the contrast ratio
// of two of them, ground the background behind an element.
const colors = `
const rgba = c => { const n = c.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n };
const blend = (over, under) => over.slice(0, 3).map((c, i) => c * over[3] + under[i] * (1 - over[3])).concat(1);
const luminance = c => c.slice(0, 3).map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
	.reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05) };
const ground = el => {
	const color = el ? rgba(getComputedStyle(el).backgroundColor) : [255, 255, 255, 1];
	return color[3] === 1 ? color : blend(color, ground(el.parentElement));
};
const named = el => el.tagName.toLowerCase() + [...el.classList].map(c => '.' + c).join('') + ' "' + el.textContent.trim().slice(0, 20) + '"';
`

// lowContrast returns the texts of the page whose contrast is below that of WCAG 2
// level AA: 4.5, or 3 for large text.
const lowContrast = `(() => {` + colors + `
	const bad = [];
	const check = (el, color, size, bold) => {
		let c = rgba(color);
		for (let e = el; e; e = e.parentElement) c[3] *= Number(getComputedStyle(e).opacity);
		const behind = ground(el), ratio = contrast(blend(c, behind), behind);
		if (ratio < (size >= 24 || bold && size >= 18.66 ? 3 : 4.5)) bad.push(named(el) + ' ' + ratio.toFixed(2));
	};
	for (const el of document.body.querySelectorAll('*')) {
		const style = getComputedStyle(el), size = parseFloat(style.fontSize);
		const text = [...el.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
		if (text && el.checkVisibility()) check(el, style.color, size, style.fontWeight >= 700);
		if (el.placeholder) check(el, getComputedStyle(el, '::placeholder').color, size, false);
	}
	return bad;
})()`

// focused describes the element with the focus: its name, and the contrast of its
// outline with the background around it, or 0 if it has no outline of 2 pixels.
const focused = `(() => {` + colors + `
	const el = document.activeElement, label = el.matches('.menu-open') ? el.nextElementSibling : el, style = getComputedStyle(label);
	const thick = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
	const around = parseFloat(style.outlineOffset) > 0 ? ground(label.parentElement) : ground(label);
	return el === document.body ? {name: ''} : {name: named(el) + ' ' + (el.id || el.getAttribute('href') || el.name || ''),
		contrast: thick ? contrast(rgba(style.outlineColor), around) : 0};
})()`

func TestBrowser_ContrastAndFocus(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	pages := accessiblePages(s)
	w := s.window()
	w.open("/admin/login")
	w.fill(map[string]string{"username": "anna", "password": "wrong horse battery"})
	w.click("#sign-in")
	w.hasContrast("refused sign-in")
	w.open("/admin/login")
	w.showsFocus("/admin/login")
	w.signIn("anna")
	for _, page := range pages {
		w.open(page)
		w.hasContrast(page)
		w.showsFocus(page)
	}
	w.open("/admin/info/plans/new")
	w.click("#save")
	w.hasContrast("refused form")
	w.fill(map[string]string{"name": "Gold", "code": "gold", "price": "1"})
	w.click("#save")
	w.hasContrast("notice")
	w.resize(phone)
	w.open("/admin/info/plans")
	w.hasContrast("phone")
	w.showsFocus("phone")
}

func (w *window) hasContrast(page string) {
	w.t.Helper()
	var bad []string
	w.run(chromedp.Evaluate(lowContrast, &bad))
	for _, text := range slices.Compact(bad) {
		w.t.Errorf("%s: contrast of %s", page, text)
	}
}

// showsFocus presses Tab until the focus has been on every element.
func (w *window) showsFocus(page string) {
	w.t.Helper()
	seen := map[string]bool{}
	for range 100 {
		var el struct {
			Name     string  `json:"name"`
			Contrast float64 `json:"contrast"`
		}
		w.run(chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focused, &el))
		if el.Name == "" || seen[el.Name] {
			break
		}
		seen[el.Name] = true
		if el.Contrast < 3 {
			w.t.Errorf("%s: contrast %.2f of the outline of %s", page, el.Contrast, el.Name)
		}
	}
	if len(seen) == 0 {
		w.t.Errorf("%s: no element takes the focus", page)
	}
}

// The test runs axe-core on every page. BILLING_AXE is the path of its axe.min.js.
func TestBrowser_Axe(t *testing.T) {
	t.Parallel()
	path := os.Getenv("BILLING_AXE")
	if path == "" {
		t.Skip("BILLING_AXE is not set: npm pack axe-core, and set it to the path of axe.min.js")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	pages := accessiblePages(s)
	w := s.window()
	check := func(page string) {
		t.Helper()
		var found []string
		w.run(chromedp.Evaluate(string(axe), nil), chromedp.Evaluate(`axe.run().then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.html.slice(0, 120))))`,
			&found, chromedp.EvalAsValue, awaitPromise))
		if len(found) > 0 {
			t.Errorf("%s:\n  %s", page, strings.Join(found, "\n  "))
		}
	}
	w.open("/admin/login")
	check("/admin/login")
	w.signIn("anna")
	for language, size := range map[string]screen{"en": desktop, "ru": phone} {
		w.resize(desktop)
		w.open("/admin")
		w.click(`.side .languages button[value="` + language + `"]`)
		w.resize(size)
		for _, page := range pages {
			w.open(page)
			check(page)
		}
	}
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams {
	return p.WithAwaitPromise(true)
}
