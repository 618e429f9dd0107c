package admin_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

const (
	goodPassword = "correct horse battery"
	system       = "simulator"
)

// wallClock is the system clock in microseconds, the precision of Postgres.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// fastPasswords replaces bcrypt, which would slow the tests down.
type fastPasswords struct{}

func (fastPasswords) Hash(p string) (billing.Secret, error) {
	return billing.NewSecret("hash of " + p), nil
}
func (fastPasswords) Matches(h billing.Secret, p string) bool {
	return h.Reveal() == "hash of "+p
}

// site is a panel with its own database. Its users are vera, a reader, sonya of
// the support, and anna and boris, editors.
type site struct {
	t      *testing.T
	url    string
	db     string // URL of the database for its owner
	owner  *pgxpool.Pool
	store  *postgres.Store
	log    *lockedBuffer
	secure bool
}

// lockedBuffer is a log that can be read while the panel writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type option func(*admin.Config)

func newSite(t *testing.T, options ...option) *site {
	t.Helper()
	return siteOn(t, pgtest.URL(t), options...)
}

func siteOn(t *testing.T, db string, options ...option) *site {
	t.Helper()
	open := func(role string) *pgxpool.Pool {
		pool, err := postgres.OpenRole(t.Context(), db, role)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	s := &site{t: t, db: db, owner: open("none"), log: &lockedBuffer{}}
	s.store = postgres.NewStore(open(postgres.PanelRole))
	owner := postgres.NewStore(s.owner)
	ownerAuth := operators.PanelAuth{Store: owner, Wall: wallClock{}, NewID: newID, Passwords: fastPasswords{}}
	for name, role := range map[string]ports.Role{"vera": ports.RoleReader, "sonya": ports.RoleSupport, "anna": ports.RoleEditor, "boris": ports.RoleEditor} {
		if err := ownerAuth.Add(t.Context(), operators.CLIOperator(), name, role, goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	auth := ownerAuth
	keys, err := vault.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	auth.Store, auth.Throttle, auth.Keys = s.store, operators.NewThrottle(), keys
	c := admin.Config{
		Panel: operators.Panel{
			Store: s.store, Views: s.store.PanelViews(), Clock: wallClock{}, Location: time.UTC, Adapters: []string{"bank", system}, SearchTime: time.Minute,
		},
		Catalog: operators.Catalog{Store: s.store, Clock: wallClock{}, NewID: newID}, Auth: auth, Location: time.UTC, Log: slog.New(slog.NewJSONHandler(s.log, nil)),
		Instructions: operators.Instructions{
			Store: s.store, Clock: wallClock{}, NewID: newID,
			Limits: billing.SupportLimits{GiveDays: 7, Refunds: []billing.Money{{Amount: 1000_00, Currency: "RUB"}}},
		},
		Endpoints: operators.Endpoints{Store: s.store, Clock: wallClock{}, Wall: time.Now, NewID: newID},
		Notes:     operators.Notes{Store: s.store, Clock: wallClock{}, NewID: newID},
	}
	for _, o := range options {
		o(&c)
	}
	s.secure = c.Secure
	h, err := admin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// catalog returns the use cases on behalf of the database owner.
func (s *site) catalog() operators.Catalog {
	return operators.Catalog{
		Store: postgres.NewStore(s.owner), Clock: wallClock{}, NewID: newID, By: operators.CLIOperator(),
	}
}

func (s *site) sell(code, name string) billing.Plan {
	s.t.Helper()
	p, err := s.catalog().AddPlan(s.t.Context(), billing.Plan{
		Code: code, Name: name, Price: billing.Money{Amount: 399_00, Currency: "RUB"}, IntervalMonths: 1, Features: []string{"hd"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) plan(code string) (billing.Plan, bool) {
	s.t.Helper()
	plans, err := s.catalog().Plans(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range plans {
		if p.Code == code {
			return p, true
		}
	}
	return billing.Plan{}, false
}

func (s *site) archive(p billing.Plan) {
	s.t.Helper()
	if _, err := s.catalog().ArchivePlan(s.t.Context(), p.Code); err != nil {
		s.t.Fatal(err)
	}
}

// subscribed adds a user with an active subscription to a plan, which the user
// paid for once.
func (s *site) subscribed(p billing.Plan) billing.UserID {
	s.t.Helper()
	return s.subscribedAt(p, wallClock{}.Now())
}

func (s *site) subscribedAt(p billing.Plan, now time.Time) billing.UserID {
	s.t.Helper()
	ctx, store := s.t.Context(), postgres.NewStore(s.owner)
	user := billing.UserID(newID())
	if _, err := s.catalog().AddPaymentSystem(ctx, billing.PaymentSystem{Code: system, Name: "Simulated"}); err != nil && !strings.Contains(err.Error(), "already") {
		s.t.Fatal(err)
	}
	err := store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.Users.Seen(ctx, now, user); err != nil {
			return err
		}
		m := billing.PaymentMethod{
			ID: billing.PaymentMethodID(newID()), UserID: user, PaymentSystem: system, Token: billing.NewSecret("tok_secret"), CreatedAt: now,
		}
		if err := tx.Methods.Add(ctx, m); err != nil {
			return err
		}
		sub, pay, agreed, err := billing.Order{
			Subscription: billing.SubscriptionID(newID()), Payment: billing.PaymentID(newID()), Plan: p, Method: m, Shown: p.Price, TermsVersion: "terms-7",
		}.Start(now, billing.Calendar{})
		if err != nil {
			return err
		}
		if err := tx.Subscriptions.Add(ctx, sub); err != nil {
			return err
		}
		if err := tx.Payments.Add(ctx, 0, pay); err != nil {
			return err
		}
		sub, pay, events := sub.Settle(pay, billing.Outcome{Status: billing.PaymentSucceeded, Amount: pay.Amount, ProviderRef: "ref_1"}, billing.RetrySchedule{}, billing.Calendar{}, now)
		events = append(agreed, events...)
		ports.Identify(events, newID)
		if err := tx.Payments.Save(ctx, pay); err != nil {
			return err
		}
		if err := tx.Subscriptions.Save(ctx, sub); err != nil {
			return err
		}
		return tx.Events.Append(ctx, events...)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return user
}

// audited counts the audit entries about the catalogue.
func (s *site) audited() (n int) {
	s.t.Helper()
	err := s.owner.QueryRow(s.t.Context(), "SELECT count(*) FROM panel_audit WHERE action LIKE 'p%.%' AND action NOT LIKE 'panel%'").Scan(&n)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// browser is an HTTP client that stores cookies and follows no redirects.
type browser struct {
	*site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as returns a browser that is signed in with this name.
func (s *site) as(name string) *browser {
	s.t.Helper()
	b := s.browser()
	if got := b.signIn(name, goodPassword); got.status != http.StatusSeeOther {
		s.t.Fatalf("sign in as %s: %d %s", name, got.status, got.text())
	}
	return b
}

func (b *browser) signIn(name, password string) response {
	b.t.Helper()
	return b.post("/admin/signin", url.Values{"name": {name}, "password": {password}})
}

// response is a response with its whole body.
type response struct {
	status int
	header http.Header
	body   string
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`)

// text returns the visible text of the page.
func (r response) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(r.body, " "))), " ")
}

func (b *browser) do(req *http.Request) response {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response{resp.StatusCode, resp.Header, string(body)}
}

func (b *browser) request(method, path, contentType, body string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(b.t.Context()), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

func (b *browser) get(path string) response {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, "", ""))
}

func (b *browser) post(path string, form url.Values) response {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode()))
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// csrf returns the CSRF token of the session's forms.
func (b *browser) csrf() string {
	b.t.Helper()
	m := csrfField.FindStringSubmatch(b.get("/admin/info/plans").body)
	if m == nil {
		b.t.Fatal("/admin/info/plans has no form with a csrf field")
	}
	return m[1]
}

// submit posts a form with the session's CSRF token.
func (b *browser) submit(path string, form url.Values) response {
	b.t.Helper()
	form.Set("csrf", b.csrf())
	return b.post(path, form)
}

var fieldValue = regexp.MustCompile(`name="([a-z_]+)" value="([^"]*)"`)

// fields returns the fields of the form at a path, as a browser would submit them.
func (b *browser) fields(path string) url.Values {
	b.t.Helper()
	page := b.get(path)
	if page.status != http.StatusOK {
		b.t.Fatalf("%s: %d %s", path, page.status, page.text())
	}
	_, form, _ := strings.Cut(page.body, `<form class="card`)
	values := url.Values{}
	for _, m := range fieldValue.FindAllStringSubmatch(form, -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	for _, m := range regexp.MustCompile(`(?s)<select class="form-control[^>]*name="([a-z_]+)".*?<option value="([^"]*)" selected`).FindAllStringSubmatch(form, -1) {
		values.Set(m[1], m[2])
	}
	for _, m := range regexp.MustCompile(`(?s)<input class="form-control[^>]*name="([a-z_]+)"[^>]*value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	return values
}

func wantStatus(t *testing.T, what string, got response, want int) {
	t.Helper()
	if got.status != want {
		t.Errorf("%s: status %d, want %d\n%.600s", what, got.status, want, got.text())
	}
}

func wantText(t *testing.T, what string, got response, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(strings.ReplaceAll(got.text(), "\u00a0", " "), text) {
			t.Errorf("%s: no %q in\n%.1500s", what, text, got.text())
		}
	}
}

func newSystem(code, name string) billing.PaymentSystem {
	return billing.PaymentSystem{Code: code, Name: name}
}
