package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// The users of the tests. Their tokens are "alice" and "bob".
const (
	alice = billing.UserID("a0000000-0000-5000-8000-000000000001")
	bob   = billing.UserID("b0000000-0000-5000-8000-000000000002")
)

// renewalGrace is how long access goes on while a renewal has not been tried.
const renewalGrace = 24 * time.Hour

var users = map[string]billing.UserID{"alice": alice, "bob": bob}

// service is the API with a memory store and a fake payment system.
type service struct {
	t       *testing.T
	config  Config
	handler http.Handler
	store   *memory.Store
	bank    *bank
	clock   *clocktest.Clock
	logged  *lockedBuffer
	checker *responseChecker

	collector *payments.Collector
}

// newService returns a service with one plan and one payment system. Each option
// may change the configuration.
func newService(t *testing.T, options ...func(*Config)) *service {
	t.Helper()
	clock := clocktest.New(time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC))
	s := &service{
		t: t, store: memory.New(memory.WithWall(clock.Now)), bank: &bank{}, logged: &lockedBuffer{},
		clock: clock, checker: newResponseChecker(t),
	}
	ids := &ids{}
	log := slog.New(LogHandler(slog.NewJSONHandler(s.logged, nil)))
	c := Config{
		Subscriber: &viewers.Subscriber{
			Store: s.store, Clock: s.clock, NewID: ids.next, Calendar: billing.NewCalendar(time.UTC),
			Collector: &payments.Collector{
				Store: s.store, Clock: s.clock, NewID: ids.next, Log: log,
				Providers:     map[string]ports.Provider{"bank": s.bank},
				ChargeTimeout: time.Minute, RecordTimeout: time.Minute,
			},
		},
		Viewer: viewers.Queries{Store: s.store, Clock: s.clock, RenewalGrace: renewalGrace}, Requests: viewers.Requests{Store: s.store},
		Methods: &viewers.Methods{
			Store: s.store, Clock: s.clock, NewID: ids.next,
			Pause: func(context.Context, time.Duration) error { return nil },
		},
		Feed:    feed.Feed{Store: s.store},
		UserRef: userRefTest,
		SignOffline: func(a viewers.Access, expires time.Time) (string, error) {
			return fmt.Sprintf("%s %s %v %s", a.UserID, a.Subject, a.Features, expires.Format(time.RFC3339)), nil
		},
		KeySet:       []byte(`{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"k","n":"AQ","e":"AQAB"}]}`),
		Authenticate: authenticateTest, NewID: ids.next, Log: log,
	}
	c.Viewer.Providers, c.Methods.Providers = c.Subscriber.Collector.Providers, c.Subscriber.Collector.Providers
	c.Methods.Saver = &payments.MethodSaver{
		Store: s.store, Clock: s.clock, NewID: ids.next, Log: log, Providers: c.Methods.Providers,
		Savers: map[string]ports.Saver{"bank": s.bank}, Timeout: time.Minute, RecordTimeout: time.Minute,
	}
	enableCards(t, &c)
	for _, option := range options {
		option(&c)
	}
	s.addCatalogue()
	s.collector, s.config = c.Subscriber.Collector, c
	var err error
	if s.handler, err = New(c); err != nil {
		t.Fatal(err)
	}
	return s
}

// enableCards adds a vault, and limits that are low enough for tests.
func enableCards(t *testing.T, c *Config) {
	t.Helper()
	keys, err := vault.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	s := c.Subscriber
	limits := billing.CardLimits{
		Cards: billing.Limits{{Max: 3, Per: time.Hour}}, Declines: billing.Limits{{Max: 2, Per: time.Hour}},
	}
	s.Collector.Vault, s.Limits, c.Methods.Limits = keys, limits, limits
	c.Cards = &viewers.Cards{
		Store: s.Store, Clock: s.Clock, NewID: s.NewID, Calendar: s.Calendar, Vault: keys, Limits: limits,
		Pause: func(context.Context, time.Duration) error { return nil },
	}
}

// hold puts the live subscriptions of alice on hold, because the card has expired.
func (s *service) hold() {
	s.t.Helper()
	live, err := s.store.Views().LiveSubscriptions(s.t.Context(), users["alice"])
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.store.InTx(s.t.Context(), func(tx ports.Repos) error {
		for _, v := range live {
			held, now := v.Subscription, s.clock.Now()
			held.Status, held.Charging, held.NextChargeAt, held.Hold = billing.StatusPastDue, false, time.Time{}, billing.CardExpired
			held.PastDueSince, held.GraceUntil = now, now.Add(7*24*time.Hour)
			if err := tx.Subscriptions.Save(s.t.Context(), held); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// give lets an operator give alice, who never subscribed, the plan premium for three days.
func (s *service) give() {
	s.t.Helper()
	err := s.store.InTx(s.t.Context(), func(tx ports.Repos) error { return tx.Users.Seen(s.t.Context(), s.clock.Now(), users["alice"]) })
	if err != nil {
		s.t.Fatal(err)
	}
	support := operators.Support{Store: s.store, Clock: s.clock, NewID: s.config.NewID, By: operators.CLIOperator()}
	on := operators.Target{User: users["alice"], Ref: "premium", Reason: "ticket 4711"}
	if _, _, err := support.GivePlan(s.t.Context(), on, 3, "ticket 4711"); err != nil {
		s.t.Fatal(err)
	}
}

// subscribeForReceipt subscribes alice at a payment system that needs receipts. The receipt
// then has the status.
func (s *service) subscribeForReceipt(status billing.ReceiptStatus) {
	s.t.Helper()
	s.bank.receipts = &billing.ReceiptTerms{Mode: billing.FullPayment}
	s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "{", `{"receipt":{"email":"alice@cinema.example"},`, 1))
	id := billing.ReceiptID(s.firstID("alice", "/v1/payments"))
	err := s.store.InTx(s.t.Context(), func(tx ports.Repos) error {
		list, err := tx.Receipts.Find(s.t.Context(), ports.ReceiptKey{User: alice, ID: id})
		if err != nil || len(list) != 1 || list[0].Contact.Reveal() != "alice@cinema.example" {
			return fmt.Errorf("the receipts are %v, %w", list, err)
		}
		return tx.Receipts.Save(s.t.Context(), list[0].Settle(status, true, time.Minute, s.clock.Now()))
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// userRefTest finds the users of the tests by id and by subject, which is also the token.
func userRefTest(name string) viewers.UserRef {
	if billing.IsID(name) {
		return viewers.UserRef{ID: billing.UserID(name)}
	}
	id, ok := users[name]
	if !ok {
		id = "ffffffff-0000-5000-8000-000000000003"
	}
	return viewers.UserRef{ID: id, Subject: name}
}

// services are the scopes of the tokens of services.
var services = map[string][]string{
	"player": {"billing.events", "billing.entitlements"}, "reader": {"billing.events"}, "gate": {"billing.entitlements"}, "other": {"billing.other"},
}

func authenticateTest(_ context.Context, token string) (Caller, error) {
	if scopes, ok := services[token]; ok {
		return Caller{Scopes: scopes}, nil
	}
	user, ok := users[token]
	if !ok {
		return Caller{}, errors.New("unknown token")
	}
	return Caller{User: user}, nil
}

// addCatalogue stores one plan and one payment system.
func (s *service) addCatalogue() {
	s.t.Helper()
	at := s.clock.Now()
	err := s.store.InTx(s.t.Context(), func(tx ports.Repos) error {
		return errors.Join(
			tx.PaymentSystems.Add(s.t.Context(), billing.PaymentSystem{Code: "bank", Name: "Bank", CreatedAt: at}),
			tx.Plans.Add(s.t.Context(), s.newPlan("c0000000-0000-7000-8000-000000000001", "premium", "Premium")),
		)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// newPlan returns a plan. All plans are in the same group.
func (s *service) newPlan(id billing.PlanID, code, name string) billing.Plan {
	at := s.clock.Now()
	return billing.Plan{
		ID: id, Code: code, Name: name, Price: billing.Money{Amount: 39900, Currency: "RUB"}, IntervalMonths: 1,
		Features: []string{"hd", "downloads"}, Group: billing.DefaultGroup, CreatedAt: at, UpdatedAt: at,
	}
}

// settlePending advances the clock beyond the send lease of the pending payment
// and settles it with a sweep.
func (s *service) settlePending() {
	s.t.Helper()
	s.clock.Advance(10 * time.Minute)
	if swept, err := s.collector.SweepSystem(s.t.Context(), "bank", 10, 16); err != nil || len(swept) != 1 || !swept[0].Payment.Settled() {
		s.t.Errorf("sweep: got %+v, %v, want one settled payment", swept, err)
	}
}

// header is a header of a request.
type header struct{ name, value string }

// do sends a request and validates the response against the document. An empty
// user sends no token. A body is JSON unless headers has another Content-Type.
func (s *service) do(user, method, path, body string, headers ...header) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/", strings.NewReader(body))
	path, query, _ := strings.Cut(path, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("X-Request-Id", "test-request")
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+user)
	}
	for _, h := range headers {
		r.Header.Set(h.name, h.value)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	s.checker.check(s.t, r, w)
	return w
}

// firstID returns the id of the first item of a list.
func (s *service) firstID(user, path string) string {
	s.t.Helper()
	var page listPage
	if err := json.Unmarshal(s.do(user, "GET", path, "").Body.Bytes(), &page); err != nil || len(page.Data) == 0 {
		s.t.Fatalf("%s: %v, %d items", path, err, len(page.Data))
	}
	return page.Data[0].ID
}

func key(k string) header { return header{"Idempotency-Key", k} }

const subscribeOK = `{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"bank","payment_token":"tok_ok"}`

// subscribeWith returns subscribeOK with another token.
func subscribeWith(token string) string { return strings.Replace(subscribeOK, "tok_ok", token, 1) }

// ids generates increasing ids.
type ids struct{ n atomic.Int64 }

func (i *ids) next() string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", i.n.Add(1)) }

// bank is a fake payment system. The token of a charge selects the outcome.
type bank struct {
	charges atomic.Int64
	saves   saves
	panics  atomic.Bool
	cards   atomic.Value // number and CVV of the last card, as "4242424242424242 737"
	down    atomic.Bool
	hold    chan struct{} // if set, charges block until it is closed
	held    chan struct{} // receives a value when a charge blocks
	// receipts are the terms of the receipts that it needs; nil if it needs none.
	receipts *billing.ReceiptTerms
}

func (b *bank) Charge(_ context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if b.hold != nil {
		b.held <- struct{}{}
		<-b.hold
	}
	if b.down.Load() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	if b.panics.Load() {
		panic(fmt.Sprintf("%+v, %#v, %s, >%v<, >%s<, %x", r, *r.Card, r.Card.Number, r.Card.CVV, &r.Card.CVV, r.Card.CVV))
	}
	if r.Card != nil {
		b.cards.Store(r.Card.Number.Reveal() + " " + r.Card.CVV.Reveal())
		switch r.Card.CVV.Reveal() {
		case "888":
			return billing.Outcome{Status: billing.PaymentPending, ActionURL: "https://bank.example/confirm/1"}, nil
		case "999":
			return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.IncorrectCVC}, nil
		}
	}
	switch token := r.Token.Reveal(); token {
	case "tok_unknown":
		return billing.Outcome{}, ports.ErrTokenUnknown
	case "tok_unavailable":
		return billing.Outcome{}, ports.ErrNotSent
	case "tok_lost_response":
		return billing.Outcome{}, errors.New("connection reset")
	case "tok_3ds":
		return billing.Outcome{
			Status: billing.PaymentPending, ActionURL: "https://bank.example/confirm/1",
			ActionExpiresAt: time.Date(2026, 3, 1, 10, 15, 0, 0, time.UTC),
		}, nil
	case "tok_declined":
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.InsufficientFunds}, nil
	default:
		o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount}
		if r.Card != nil {
			o.Token = billing.NewSecret("tok_of_card")
		}
		b.charges.Add(1)
		return o, nil
	}
}

func (b *bank) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken, ports.ByCard}, Receipts: b.receipts}
}

func (b *bank) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	return billing.Outcome{}, ports.ErrChargeNotFound
}

// lockedBuffer is a log that goroutines may write to concurrently.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*lockedBuffer)(nil)

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

const (
	payOK     = `{"price":{"amount":39900,"currency":"RUB"},"payment_system":"bank","payment_token":"tok_new"}`
	replaceOK = `{"payment_system":"bank","payment_token":"tok_new"}`
)
