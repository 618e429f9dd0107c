package browsertest

import (
	"os"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

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
// outline with the background around it, or 0 if it has no outline of 2 pixels. The
// outline of a field may be that of its label or of the next element.
const focused = `(() => {` + colors + `
	const el = document.activeElement;
	const thick = e => e && getComputedStyle(e).outlineStyle !== 'none' && parseFloat(getComputedStyle(e).outlineWidth) >= 2;
	const shown = [el, el.nextElementSibling, el.closest('label')].find(thick);
	const style = shown && getComputedStyle(shown);
	const around = shown && (parseFloat(style.outlineOffset) > 0 ? ground(shown.parentElement) : ground(shown));
	return el === document.body ? {name: ''} : {name: named(el) + ' ' + (el.id || el.getAttribute('href') || el.name || ''),
		contrast: shown ? contrast(rgba(style.outlineColor), around) : 0};
})()`

// HasContrast checks the contrast of all texts of the page. The error names the page.
func (b *Browser) HasContrast(page string) {
	b.t.Helper()
	var bad []string
	b.Run(chromedp.Evaluate(lowContrast, &bad))
	for _, text := range slices.Compact(bad) {
		b.t.Errorf("%s: contrast of %s", page, text)
	}
}

// ShowsFocus presses Tab until the focus has been on every element of the page. It
// checks that each has an outline.
func (b *Browser) ShowsFocus(page string) {
	b.t.Helper()
	seen := map[string]bool{}
	for range 100 {
		var el struct {
			Name     string  `json:"name"`
			Contrast float64 `json:"contrast"`
		}
		b.Run(chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focused, &el))
		if el.Name == "" || seen[el.Name] {
			break
		}
		seen[el.Name] = true
		if el.Contrast < 3 {
			b.t.Errorf("%s: contrast %.2f of the outline of %s", page, el.Contrast, el.Name)
		}
	}
	if len(seen) == 0 {
		b.t.Errorf("%s: no element takes the focus", page)
	}
}

// Axe returns a function that runs axe-core on the page. The test is skipped unless
// BILLING_AXE is the path of its axe.min.js.
func (b *Browser) Axe() (check func(page string)) {
	b.t.Helper()
	path := os.Getenv("BILLING_AXE")
	if path == "" {
		b.t.Skip("BILLING_AXE is not set: npm pack axe-core, and set it to the path of axe.min.js")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return func(page string) {
		b.t.Helper()
		var found []string
		b.Run(chromedp.Evaluate(string(axe), nil), chromedp.Evaluate(`axe.run().then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.html.slice(0, 120))))`,
			&found, chromedp.EvalAsValue, awaitPromise))
		if len(found) > 0 {
			b.t.Errorf("%s:\n  %s", page, strings.Join(found, "\n  "))
		}
	}
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams {
	return p.WithAwaitPromise(true)
}
