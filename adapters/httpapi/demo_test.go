package httpapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDemoPage_OnlyOnRequest(t *testing.T) {
	t.Parallel()
	if w := newService(t).do("", "GET", "/demo", ""); w.Code != http.StatusNotFound {
		t.Errorf("without Demo: status %d, want 404", w.Code)
	}
	w := newService(t, func(c *Config) { c.Demo = true }).do("", "GET", "/demo", "")
	if w.Code != http.StatusOK || w.Body.String() != string(demoHTML) {
		t.Errorf("with Demo: status %d with %d bytes, want 200 with the page", w.Code, w.Body.Len())
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": demoPolicy(demoHTML),
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestDemoPolicy_AllowsOnlyPartsOfPage(t *testing.T) {
	t.Parallel()
	policy := demoPolicy(demoHTML)
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "connect-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	for _, tag := range []string{"<script>", "<style>"} {
		if n := strings.Count(string(demoHTML), tag); n != 1 {
			t.Errorf("the page has %s %d times, want once, because the policy allows the first", tag, n)
		}
		if demoPolicy([]byte(strings.Replace(string(demoHTML), tag, tag+" ", 1))) == policy {
			t.Errorf("the policy allows another %s", tag)
		}
	}
}

func TestDemoPage_IsSelfContained(t *testing.T) {
	t.Parallel()
	page := string(demoHTML)
	for _, unwanted := range []string{"src=", "@import", "url(", "innerHTML", "localStorage", "document.cookie", "eval(", " style="} {
		if strings.Contains(page, unwanted) {
			t.Errorf("demo.html has %s", unwanted)
		}
	}
	for _, address := range regexp.MustCompile(`https?://[^'"/\s]+`).FindAllString(page, -1) {
		if address != "http://www.w3.org" { // the name of SVG
			t.Errorf("demo.html has the address %s", address)
		}
	}
}

// Both languages have the same texts with the same values, and each text that the page
// names exists.
func TestDemoPage_IsTranslated(t *testing.T) {
	t.Parallel()
	page := string(demoHTML)
	_, texts, _ := strings.Cut(page, "const texts = {\n  en: {")
	english, russian, ok := strings.Cut(texts, "\n  ru: {")
	russian, script, found := strings.Cut(russian, "\n}\n")
	if !ok || !found {
		t.Fatal("demo.html has no texts in two languages")
	}
	en, ru := demoTexts(english), demoTexts(russian)
	for key, values := range en {
		if got, ok := ru[key]; !ok || !slices.Equal(got, values) {
			t.Errorf("%s has the values %q in English and %q in Russian", key, values, got)
		}
	}
	for key := range ru {
		if _, ok := en[key]; !ok && !strings.HasPrefix(key, "every.") { // English has fewer plurals
			t.Errorf("%s is missing in English", key)
		}
	}
	used := regexp.MustCompile(`(?:\bt\(|\bt: |data-t=|data-t-label=|help: |label: )['"]([\w.]+[\w])['"]`)
	for _, m := range append(used.FindAllStringSubmatch(script, -1), used.FindAllStringSubmatch(page, -1)...) {
		if _, ok := en[m[1]]; !ok {
			t.Errorf("the page uses the text %s, which does not exist", m[1])
		}
	}
}

// demoTexts returns the keys of texts, with the sorted names of the values in them.
func demoTexts(source string) map[string][]string {
	texts := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?:'([\w.]+)'|\b([a-z]\w*)): '([^']*)'`).FindAllStringSubmatch(source, -1) {
		values := regexp.MustCompile(`{\w+}`).FindAllString(m[3], -1)
		slices.Sort(values)
		texts[m[1]+m[2]] = values
	}
	return texts
}
