package stripe_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/ports"
)

const mockKey = "sk_test_123" // the mock accepts keys of this form only

// startMock starts stripe-mock, Stripe's own check of requests, and returns its address. It
// knows every parameter of the API and has no state.
func startMock(t *testing.T) string {
	t.Helper()
	path, err := exec.CommandContext(t.Context(), "go", "tool", "-n", "-modfile=../../tools/go.mod", "stripe-mock").Output()
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("stripe-mock cannot be built: %v", err)
	}
	if err != nil {
		t.Fatalf("stripe-mock cannot be built: %v", err)
	}
	address := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), "-http-addr", address, "-https-addr", freeAddress(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "Listening for HTTP at") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "http://" + address
		}
	}
	t.Fatal("stripe-mock ended before it listened")
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// oracle passes requests to the fake, and a copy of each to stripe-mock.
type oracle struct {
	fake *fake.Fake
	mock string
	// extra is a parameter that is added to each copy.
	extra string

	mu      sync.Mutex
	refused map[string]string // by operation: the status and body of stripe-mock
}

func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	refusal := ""
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		refusal = o.ask(r, string(body))
	}
	o.fake.ServeHTTP(w, r) // sets the pattern
	o.mu.Lock()
	defer o.mu.Unlock()
	if refusal != "" {
		o.refused[r.Pattern] = refusal
	}
}

// ask returns stripe-mock's refusal of a request, or "".
func (o *oracle) ask(r *http.Request, body string) string {
	target := o.mock + r.URL.RequestURI()
	if r.Method == http.MethodPost {
		body = strings.TrimPrefix(body+"&"+o.extra, "&")
	} else if o.extra != "" {
		target += map[bool]string{true: "&", false: "?"}[r.URL.RawQuery != ""] + o.extra
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusOK {
		return ""
	}
	return resp.Status + " " + string(text)
}

// newOracle returns a world whose requests stripe-mock checks.
func newOracle(t *testing.T, mock, extra string) (world, *oracle) {
	t.Helper()
	c := clocktest.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	o := &oracle{
		fake: fake.New(fake.Config{SecretKey: mockKey, Now: c.Now}), mock: mock, extra: extra, refused: map[string]string{},
	}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return world{newMockClient(t, server.URL, c), o.fake, c, server.URL, nil}, o
}

func newMockClient(t *testing.T, url string, c *clocktest.Clock) *stripe.Stripe {
	t.Helper()
	s, err := stripe.New(stripe.Config{
		SecretKey: billing.NewSecret(mockKey), ReturnURL: returnURL, BaseURL: url, PerSecond: 10_000, Now: c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sendAll makes the adapter send every request that it can send.
func sendAll(t *testing.T, w world) {
	t.Helper()
	key := 0
	charge := func(r ports.ChargeRequest) billing.Outcome {
		key++
		r.Key += billing.PaymentID(rune('a' + key))
		o, _ := w.charge(t, r)
		_, _ = w.find(t, w.query(r))
		_, _ = w.find(t, ports.ChargeQuery{Key: r.Key, ProviderRef: o.ProviderRef})
		if o.ActionURL != "" && !r.Token.IsZero() {
			_ = w.Cancel(t.Context(), ports.ChargeQuery{Key: r.Key, ProviderRef: o.ProviderRef})
		}
		return o
	}
	customer := w.fake.Attach("pm_ok_saved", string(payer))
	w.fake.Attach("pm_absent_3ds", string(payer))
	for _, r := range []ports.ChargeRequest{
		request("pm_ok"), request("pm_3ds"), request("pm_decline_expired_card"), renewal("pm_ok_saved"),
		renewal(customer + "/pm_ok_saved"), renewal("pm_absent_3ds"), renewal("pm_ok_new"),
	} {
		charge(r)
	}
	page := charge(request(""))
	if err := submit(t.Context(), page.ActionURL, url.Values{"reply": {"decline"}}); err != nil {
		t.Error(err)
	}
	onPage := request("").Key + billing.PaymentID(rune('a'+key))
	_, _ = w.find(t, w.query(ports.ChargeRequest{Key: onPage}))
	_ = w.Cancel(t.Context(), ports.ChargeQuery{Key: onPage, ProviderRef: page.ProviderRef})
	_, _ = w.find(t, w.query(ports.ChargeRequest{Key: "missing"}))
	for _, token := range []string{"pm_ok", "pm_ok_unsaved"} {
		_ = w.Forget(t.Context(), billing.NewSecret(token))
	}
	sendRefunds(t, w)
	sendSaves(t, w)
	_ = w.Probe(t.Context())
	_ = w.Charges(t.Context(), w.clock.Now(), w.clock.Now().Add(time.Hour), func(ports.LedgerEntry) error { return nil })
}

// sendSaves saves a card on a page, and looks it up.
func sendSaves(t *testing.T, w world) {
	t.Helper()
	r := saveRequest()
	opened, err := w.Save(t.Context(), r)
	if err != nil {
		return // the mock refuses a parameter
	}
	if err := submit(t.Context(), opened.ActionURL, url.Values{"reply": {"approve"}}); err != nil {
		t.Error(err)
	}
	_, _ = w.FindSave(t.Context(), w.saveQuery(r))
	_, _ = w.FindSave(t.Context(), ports.SaveQuery{SaveRequest: r, ProviderRef: opened.ProviderRef})
}

func operations() []string {
	return []string{
		fake.OpCustomer, fake.OpMethod, fake.OpAttach, fake.OpDetach, fake.OpCreate, fake.OpConfirm, fake.OpCancel, fake.OpIntent,
		fake.OpIntents, fake.OpSession, fake.OpReadSession, fake.OpExpire, fake.OpSessions, fake.OpSetupIntent, fake.OpCharges, fake.OpBalance,
		fake.OpRefund, fake.OpReadRefund, fake.OpRefunds,
	}
}

func TestRequests_AcceptedByStripeMock(t *testing.T) {
	t.Parallel()
	mock := startMock(t)
	w, o := newOracle(t, mock, "")
	sendAll(t, w)
	for _, op := range operations() {
		if len(w.fake.Requests(op)) == 0 {
			t.Errorf("the test does not send %s", op)
		}
	}
	for request, refusal := range o.refused {
		t.Errorf("stripe-mock refuses %s: %s", request, refusal)
	}

	// With one parameter more, stripe-mock must refuse every request.
	w, o = newOracle(t, mock, "payment_method_typo=card")
	sendAll(t, w)
	for _, op := range operations() {
		if o.refused[op] == "" {
			t.Errorf("stripe-mock accepts an unknown parameter of %s", op)
		}
	}
}

// The responses of stripe-mock are examples of Stripe's own. The adapter can read them.
func TestResponses_OfStripeMock(t *testing.T) {
	t.Parallel()
	s := newMockClient(t, startMock(t), clocktest.New(time.Now()))
	if err := s.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	if err := s.Forget(t.Context(), billing.NewSecret("pm_1")); err != nil {
		t.Errorf("Forget: %v", err)
	}
	if err := s.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { return nil }); err != nil {
		t.Errorf("Charges: %v", err)
	}
	if err := s.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return nil }); err != nil {
		t.Errorf("Refunds: %v", err)
	}
	for _, q := range []ports.RefundQuery{
		{Key: "refund-1", Payment: "key-1", ProviderRef: "re_1"}, {Key: "refund-1", Payment: "key-1", PaymentRef: "pi_1"},
	} {
		_, err := s.FindRefund(t.Context(), q)
		if err == nil || strings.Contains(err.Error(), "JSON") || strings.Contains(err.Error(), "readable") {
			t.Errorf("FindRefund(%+v) = %v, want a response that can be read", q, err)
		}
	}
	for _, ref := range []string{"pi_1", "cs_test_1", ""} {
		_, err := s.Find(t.Context(), ports.ChargeQuery{Key: "key-1", ProviderRef: ref})
		if err == nil || strings.Contains(err.Error(), "JSON") || strings.Contains(err.Error(), "readable") {
			t.Errorf("Find(%q) = %v, want a response that can be read", ref, err)
		}
	}
	for _, ref := range []string{"cs_test_1", ""} {
		_, err := s.FindSave(t.Context(), ports.SaveQuery{SaveRequest: saveRequest(), ProviderRef: ref})
		if err == nil || strings.Contains(err.Error(), "JSON") || strings.Contains(err.Error(), "readable") {
			t.Errorf("FindSave(%q) = %v, want a response that can be read", ref, err)
		}
	}
	for _, token := range []string{"pm_1", "cus_1/pm_1", ""} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := s.Charge(ctx, request(token))
		cancel()
		if err != nil && strings.Contains(err.Error(), "JSON") {
			t.Errorf("Charge with %q = %v, want a response that can be read", token, err)
		}
	}
}
