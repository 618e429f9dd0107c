// Package browsertest drives a headless Chromium in tests of pages: it opens them,
// reads their text, and checks their layout, contrast and focus.
//
// Not here: the pages, and actions that only one of them has.
package browsertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	limit     = 10 * time.Minute // of all steps of one browser together
	waitLimit = time.Minute      // of one step
)

// find returns the path of Chromium.
func find() (string, error) {
	for _, name := range []string{os.Getenv("BILLING_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium: apt-get install chromium, or set BILLING_CHROMIUM to its path")
}

// Screen is the size of a browser window in pixels.
type Screen struct{ Width, Height int64 }

// The screens that pages must fit.
var (
	Desktop = Screen{1280, 800}
	Phone   = Screen{390, 844}
)

// Browser is a Chromium that shows the pages of one origin. Its methods fail the test.
type Browser struct {
	t      *testing.T
	origin string
	ctx    context.Context

	mu       sync.Mutex
	problems []string // console errors, exceptions, and requests to other origins
}

// Open starts a browser for the pages of origin, such as http://127.0.0.1:8080. The
// browser ends with the test. Without Chromium the test fails if CI is set, and is
// skipped otherwise.
func Open(t *testing.T, origin string) *Browser {
	t.Helper()
	path, err := find()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	profile, err := os.MkdirTemp("", "billing-browser-")
	if err != nil {
		t.Fatal(err)
	}
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(waitLimit), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-US"))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser, which may still write to its profile
		_ = os.RemoveAll(profile)
		cancel()
	})
	b := &Browser{t: t, origin: origin, ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	if err := chromedp.Run(ctx, log.Enable(), runtime.Enable(), network.Enable()); err != nil { // starts it
		t.Fatal(err)
	}
	b.Resize(Desktop)
	return b
}

func (b *Browser) listen(event any) {
	problem := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			problem = "console: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		problem = "console: " + string(e.Type)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.origin+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			problem = "request to " + e.Request.URL
		}
	}
	// Chromium logs each response with a status 4xx as an error.
	if problem != "" && !strings.Contains(problem, "the server responded with a status of 4") {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.problems = append(b.problems, problem)
	}
}

// Run runs actions of chromedp, for steps that the other methods do not have.
func (b *Browser) Run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.fail(err)
	}
}

// fail ends the test, with a screenshot and the problems so far.
func (b *Browser) fail(err error) {
	b.t.Helper()
	b.Shoot("failed")
	b.Done()
	b.t.Fatal(err)
}

// Load clicks the element that matches selector, and waits for the page that this loads.
func (b *Browser) Load(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(selector, chromedp.ByQuery)); err != nil {
		b.fail(fmt.Errorf("click %s: %w", selector, err))
	}
}

// Press clicks the element that matches selector, as soon as it is visible and no
// button is busy. A busy page may still replace its elements.
func (b *Browser) Press(selector string) {
	b.t.Helper()
	b.Run(chromedp.WaitNotPresent(`[aria-busy="true"]`, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery))
}

// Type replaces the text of the field that matches selector.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.Run(chromedp.Focus(selector, chromedp.ByQuery), chromedp.Evaluate(`document.activeElement.select()`, nil), input.InsertText(text))
}

// Choose selects an option of the list that matches selector, by its value.
func (b *Browser) Choose(selector, value string) {
	b.t.Helper()
	var chosen string
	b.Run(chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.Evaluate(fmt.Sprintf(
		`(list => { list.value = %q; list.dispatchEvent(new Event('change', {bubbles: true})); return list.value })(document.querySelector(%q))`, value, selector), &chosen))
	if chosen != value {
		b.t.Errorf("%s has no option %q", selector, value)
	}
}

// Dark shows pages in their dark or light colors, without transitions.
func (b *Browser) Dark(on bool) {
	b.t.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[on]
	b.Run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}

// Speaks sets the language that the viewer prefers. It applies to pages opened later.
func (b *Browser) Speaks(language string) {
	b.t.Helper()
	var agent string
	b.Run(chromedp.Evaluate(`navigator.userAgent`, &agent))
	b.Run(emulation.SetUserAgentOverride(agent).WithAcceptLanguage(language))
}

// Resize changes the size of the window.
func (b *Browser) Resize(to Screen) {
	b.t.Helper()
	b.Run(emulation.SetDeviceMetricsOverride(to.Width, to.Height, 1, to == Phone))
}

// Goto opens the page with this path.
func (b *Browser) Goto(path string) {
	b.t.Helper()
	b.Run(chromedp.Navigate(b.origin + path))
}

// text returns the visible text of the page, with single spaces.
func (b *Browser) text() (string, error) {
	var all string
	err := chromedp.Run(b.ctx, chromedp.Evaluate(`document.body.innerText`, &all))
	return strings.Join(strings.Fields(strings.ReplaceAll(all, "\u00a0", " ")), " "), err
}

// WaitFor waits until a page contains the text. The page may load meanwhile.
func (b *Browser) WaitFor(text string) {
	b.t.Helper()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(waitLimit)
	defer deadline.Stop()
	for {
		all, err := b.text()
		if err == nil && strings.Contains(all, text) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			b.fail(errors.Join(fmt.Errorf("no %q on the page within %v:\n%.1500s", text, waitLimit, all), err))
		}
	}
}

// Sees checks that the loaded page contains these texts.
func (b *Browser) Sees(texts ...string) {
	b.t.Helper()
	all, err := b.text()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			b.t.Errorf("no %q on the page:\n%.1500s", text, all)
		}
	}
}

// Has checks the number of elements that match selector.
func (b *Browser) Has(selector string, want int) {
	b.t.Helper()
	var n int
	b.Run(chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll(%q).length`, selector), &n))
	if n != want {
		b.t.Errorf("%d elements match %s, want %d", n, selector, want)
	}
}

// Fits checks that the page is not wider than the window. The error names the page.
func (b *Browser) Fits(page string) {
	b.t.Helper()
	var over int
	b.Run(chromedp.Evaluate(`document.documentElement.scrollWidth - window.innerWidth`, &over))
	if over > 0 {
		b.t.Errorf("%s is %d pixels wider than the window", page, over)
	}
}

// Shoot writes a screenshot of the whole page to the directory BILLING_SCREENSHOTS, if
// it is set. The name of the file begins with the name of the test.
func (b *Browser) Shoot(name string) {
	dir := os.Getenv("BILLING_SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot []byte
	if err := chromedp.Run(b.ctx, chromedp.FullScreenshot(&shot, 100)); err == nil {
		_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(b.t.Name(), "/", "-")+"-"+name+".png"), compress(shot), 0o644)
	}
}

// compress returns a smaller PNG with the same pixels. Chromium compresses fast.
func compress(shot []byte) []byte {
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return shot
	}
	var small bytes.Buffer
	if (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, picture) != nil || small.Len() > len(shot) {
		return shot
	}
	return small.Bytes()
}

// Done reports the problems of all pages: errors and warnings in the console,
// exceptions, and requests to other origins.
func (b *Browser) Done() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		b.t.Error(problem)
	}
}
