package httpapi

import (
	"context"
	"encoding/hex"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const replayed = "Idempotent-Replayed"

// wantReplay checks that second replays first byte for byte.
func wantReplay(t *testing.T, first, second *httptest.ResponseRecorder) {
	t.Helper()
	if second.Code != first.Code || second.Header().Get(replayed) != "true" {
		t.Errorf("got %d, replayed %q; want a replay of %d", second.Code, second.Header().Get(replayed), first.Code)
	}
	if diff := cmp.Diff(first.Body.String(), second.Body.String()); diff != "" {
		t.Errorf("body (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(first.Header().Get("Content-Type"), second.Header().Get("Content-Type")); diff != "" {
		t.Errorf("Content-Type (-first +second):\n%s", diff)
	}
}

func TestRunOnce_Replay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, body string
		status     int
	}{
		"active":            {"/v1/subscriptions", subscribeOK, 201},
		"confirm":           {"/v1/subscriptions", subscribeWith("tok_3ds"), 202},
		"declined":          {"/v1/subscriptions", subscribeWith("tok_declined"), 402},
		"unknown":           {"/v1/subscriptions", subscribeWith("tok_unknown"), 422},
		"no such plan":      {"/v1/subscriptions", strings.Replace(subscribeOK, "premium", "gold", 1), 404},
		"other price":       {"/v1/subscriptions", strings.Replace(subscribeOK, "39900", "1", 1), 409},
		"no such ref":       {"/v1/subscriptions/gold/cancel", "", 404},
		"nothing to resume": {"/v1/subscriptions/premium/resume", "", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			first := s.do("alice", "POST", test.path, test.body, key("k"))
			if first.Code != test.status || first.Header().Get(replayed) != "" {
				t.Errorf("got %d %v, want %d", first.Code, first.Header(), test.status)
			}
			// Other requests change the state before the replay.
			s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_other"))
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			wantReplay(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
		})
	}
}

// stored returns alice's stored request with a form of its key.
func (s *service) stored(form string) (r ports.KeyRecord, err error) {
	s.t.Helper()
	err = s.store.InTx(s.t.Context(), func(tx ports.Repos) error {
		r, err = tx.IdempotencyKeys.Find(s.t.Context(), alice, form)
		return err
	})
	return r, err
}

// keep stores the response to alice's request r, as another program does.
func (s *service) keep(r ports.KeyedRequest, w *httptest.ResponseRecorder) {
	s.t.Helper()
	err := s.store.InTx(s.t.Context(), func(tx ports.Repos) error {
		_, err := tx.IdempotencyKeys.Keep(s.t.Context(), r, ports.Response{Status: w.Code, Body: w.Body.Bytes()})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// newDigestKeys creates a keyset whose digest key can be rotated.
func newDigestKeys(t *testing.T) vault.Files {
	t.Helper()
	files := vault.Files{Keyset: t.TempDir() + "/keyset.json", AllowPlaintext: true, RotateDigests: true}
	if err := vault.Create(files, time.Now()); err != nil {
		t.Fatal(err)
	}
	return files
}

// storedKey returns the form in which a program with the keyset stores alice's key.
func storedKey(t *testing.T, files vault.Files, key string) string {
	t.Helper()
	keys, err := vault.Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	digests, err := keys.Fingerprints(ports.PurposeRequestKey, alice, []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return "hmac " + hex.EncodeToString(digests[0][:])
}

// digesting is a program's use of digests.
type digesting struct{ keys, rotated bool }

// apply replaces the handler of s by that of another program with the same store.
func (d digesting) apply(s *service, files vault.Files) {
	s.t.Helper()
	c := s.config
	if d.rotated {
		if err := files.Rotate(time.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
	if d.keys {
		keys, err := vault.Open(files, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		c.Digests = keys
	}
	var err error
	if s.handler, err = New(c); err != nil {
		s.t.Fatal(err)
	}
}

// The key may hold any text and the fingerprint covers the payment token, so both are
// stored as keyed digests. The previous version finds the key in this form.
func TestRunOnce_StoresDigests(t *testing.T) {
	t.Parallel()
	s, files := newService(t), newDigestKeys(t)
	s.do("alice", "POST", "/v1/subscriptions/gold/cancel", "", key("plaintext"))
	plaintext, err := s.stored("plaintext")
	if err != nil {
		t.Errorf("without a keyset: %v, want the key itself to be stored", err)
	}
	digesting{keys: true}.apply(s, files)
	s.do("alice", "POST", "/v1/subscriptions/gold/cancel", "", key("k"))
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("subscribe"))
	for _, k := range []string{"k", "subscribe"} {
		if r, err := s.stored(k); err == nil {
			t.Errorf("%q is stored as plaintext", r.Key)
		}
		r, err := s.stored(storedKey(t, files, k))
		if err != nil {
			t.Errorf("the digest of %q is not stored: %v", k, err)
		}
		if r.Fingerprint == plaintext.Fingerprint {
			t.Errorf("the fingerprint of %q is unkeyed", k)
		}
	}
}

// A repetition finds the response that a program of this or the previous version stored,
// with or without a keyset, and under a key that was replaced since.
func TestRunOnce_FindsOtherForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second digesting // of the programs that store and replay the response
		plaintext     bool      // the first program is of the previous version, which stores the key itself
	}{
		"same keyset":                         {digesting{keys: true}, digesting{keys: true}, false},
		"replaced key":                        {digesting{keys: true}, digesting{keys: true, rotated: true}, false},
		"no keyset":                           {digesting{}, digesting{}, false},
		"new keyset":                          {digesting{}, digesting{keys: true}, false},
		"previous version, keyed fingerprint": {digesting{keys: true}, digesting{keys: true}, true},
		"previous version, replaced key":      {digesting{keys: true}, digesting{keys: true, rotated: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, files := newService(t), newDigestKeys(t)
			c.first.apply(s, files)
			first := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
			again := "k"
			if c.plaintext {
				again = "previous"
				r, err := s.stored(storedKey(t, files, "k"))
				if err != nil {
					t.Fatal(err)
				}
				s.keep(ports.KeyedRequest{User: alice, Key: again, Fingerprint: r.Fingerprint, Owner: "previous"}, first)
			}
			c.second.apply(s, files)
			wantReplay(t, first, s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key(again)))
			other := s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_other"), key(again))
			if other.Code != 422 || !strings.Contains(other.Body.String(), "idempotency_key_reused") {
				t.Errorf("another token: %d %s, want 422 idempotency_key_reused", other.Code, other.Body)
			}
		})
	}
}

// Programs without a keyset store keys as plaintext, so a card number must not be one,
// however it is written.
func TestRunOnce_RefusesCardNumberInKey(t *testing.T) {
	t.Parallel()
	for text, status := range map[string]int{
		"4242424242424242": 422, "4242-4242-4242-4242": 422, "order-4242.4242.4242.4242-1": 422, "pay4242424242424242": 422,
		"4242-4242-4242-4241": 201, "01981e2c-7d4a-7c10-9351-350165352011": 201, "order-1732881234567-42": 201,
	} {
		s := newService(t)
		w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key(text))
		if w.Code != status || status == 422 && !strings.Contains(w.Body.String(), "could be a card number") {
			t.Errorf("key %q: %d %s, want %d", text, w.Code, w.Body, status)
		}
	}
}

func TestRunOnce_ReplayOfCancelAndResume(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	cancelled := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "", key("cancel"))
	resumed := s.do("alice", "POST", "/v1/subscriptions/premium/resume", "{}", key("resume"))
	// An empty body is the same request as a body with the defaults.
	wantReplay(t, cancelled, s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"period_end"}`, key("cancel")))
	wantReplay(t, resumed, s.do("alice", "POST", "/v1/subscriptions/premium/resume", "", key("resume")))
}

func TestRunOnce_KeyReusedForAnotherRequest(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	for _, other := range []struct{ path, body string }{
		{"/v1/subscriptions", subscribeWith("tok_other")},
		{"/v1/subscriptions", strings.Replace(subscribeOK, "39900", "39901", 1)},
		{"/v1/subscriptions/premium/cancel", ""},
		{"/v1/subscriptions/premium/resume", ""},
	} {
		w := s.do("alice", "POST", other.path, other.body, key("k"))
		if w.Code != 422 || codeOf(t, w) != "idempotency_key_reused" {
			t.Errorf("%s %s: got %d %s", other.path, other.body, w.Code, w.Body)
		}
	}
	if w := s.do("bob", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 201 || w.Header().Get(replayed) != "" {
		t.Errorf("the same key of another user: got %d %s", w.Code, w.Body)
	}
}

// Requests that change nothing cannot fill the database. A request that changes
// something still runs.
func TestRunOnce_LimitsKeys(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for i := range 500 {
		if w := s.do("alice", "POST", "/v1/subscriptions/gold/cancel", "", key(strconv.Itoa(i))); w.Code != 404 {
			t.Fatalf("request %d: got %d %s, want 404", i, w.Code, w.Body)
		}
	}
	w := s.do("alice", "POST", "/v1/subscriptions/gold/cancel", "", key("last"))
	if codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "86400" {
		t.Errorf("key 501: got %d %v %s, want 429 for a day", w.Code, w.Header(), w.Body)
	}
	if w := s.do("alice", "POST", "/v1/subscriptions/gold/cancel", "", key("7")); w.Code != 404 || w.Header().Get(replayed) != "true" {
		t.Errorf("a known key: got %d %v, want the stored 404", w.Code, w.Header())
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("subscribe")); w.Code != 201 {
		t.Errorf("subscribe: got %d %s, want 201", w.Code, w.Body)
	}
	if w := s.do("bob", "POST", "/v1/subscriptions/gold/cancel", "", key("k")); w.Code != 404 {
		t.Errorf("another viewer: got %d, want 404", w.Code)
	}
}

func TestReadKey(t *testing.T) {
	t.Parallel()
	for k, want := range map[string]int{
		"a": 201, "!~": 201, strings.Repeat("k", 255): 201,
		"": 422, " ": 422, "a b": 422, "é": 422, "a\tb": 422, strings.Repeat("k", 256): 422,
	} {
		t.Run(k, func(t *testing.T) {
			t.Parallel()
			if w := newService(t).do("alice", "POST", "/v1/subscriptions", subscribeOK, key(k)); w.Code != want {
				t.Errorf("got %d, want %d", w.Code, want)
			}
		})
	}
}

func TestRunOnce_ConcurrentRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	s := newService(t)
	bodies := make(map[string]bool)
	for _, w := range parallel(100, func(int) *httptest.ResponseRecorder {
		return s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	}) {
		switch {
		case w.Code == 201:
			bodies[w.Body.String()] = true
		case w.Code != 409 || codeOf(t, w) != "request_in_progress":
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	}
	if n := s.bank.charges.Load(); n != 1 || len(bodies) != 1 {
		t.Errorf("charged %d times with %d different responses, want 1 and 1", n, len(bodies))
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 201 || !bodies[w.Body.String()] {
		t.Errorf("afterwards: got %d %s", w.Code, w.Body)
	}
}

func TestRunOnce_ConcurrentRequestsWithDifferentKeys(t *testing.T) {
	t.Parallel()
	s := newService(t)
	codes := make(map[int]int)
	for _, w := range parallel(50, func(i int) *httptest.ResponseRecorder {
		return s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key(strconv.Itoa(i)))
	}) {
		codes[w.Code]++
		if w.Code != 201 && codeOf(t, w) != "already_subscribed" {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	}
	if diff := cmp.Diff(map[int]int{201: 1, 409: 49}, codes); diff != "" || s.bank.charges.Load() != 1 {
		t.Errorf("charged %d times, want 1; statuses (-want +got):\n%s", s.bank.charges.Load(), diff)
	}
}

// parallel calls f n times concurrently and returns the responses.
func parallel(n int, f func(i int) *httptest.ResponseRecorder) []*httptest.ResponseRecorder {
	responses := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { responses[i] = f(i) })
	}
	wg.Wait()
	return responses
}

func TestRunOnce_FirstRequestStillRunning(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{}, 1)
	var first *httptest.ResponseRecorder
	var wg sync.WaitGroup
	wg.Go(func() { first = s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")) })
	<-s.bank.held
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "request_in_progress" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	close(s.bank.hold)
	wg.Wait()
	wantReplay(t, first, s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")))
}

// The charge was definitely not sent, so a request with the same key runs.
func TestRunOnce_RetryAfterOutage(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.bank.down.Store(true)
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 503 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	s.bank.down.Store(false)
	w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	if w.Code != 201 || w.Header().Get(replayed) != "" || s.bank.charges.Load() != 1 {
		t.Errorf("got %d %s, charged %d times", w.Code, w.Body, s.bank.charges.Load())
	}
}

// A process that died after its commit stored no response. The next request with
// the key renders the response from the committed state.
func TestRunOnce_ReplayWithoutStoredResponse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, body string
		status     int
	}{
		"active":   {"/v1/subscriptions", subscribeWith("tok_new"), 201},
		"declined": {"/v1/subscriptions", subscribeWith("tok_declined"), 402},
		"cancel":   {"/v1/subscriptions/premium/cancel", "", 200},
		"resume":   {"/v1/subscriptions/premium/resume", "", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, store := newUnstorable(t)
			if test.status == 200 {
				s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
			}
			store.on.Store(true)
			first := s.do("alice", "POST", test.path, test.body, key("k"))
			if first.Code != test.status {
				t.Fatalf("got %d %s, want %d", first.Code, first.Body, test.status)
			}
			wantReplay(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
			store.on.Store(false)
			wantReplay(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			wantReplay(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
		})
	}
}

// The outcome of the charge could not be recorded. The key stays in use until a
// sweep settles the payment.
func TestRunOnce_PaymentBeingSettled(t *testing.T) {
	t.Parallel()
	var broken *outage
	s := newService(t, func(c *Config) {
		broken = &outage{Store: c.Subscriber.Store}
		broken.on.Store(true)
		c.Subscriber.Collector.Store = broken
	})
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 503 || !strings.Contains(w.Body.String(), "being settled") {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "request_in_progress" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if n := s.bank.charges.Load(); n != 1 {
		t.Errorf("charged %d times, want 1", n)
	}
}

// The response to a commit is lost, so the API cannot know whether the intent is
// stored. The key stays with the intent: a second request stores no other one, and
// runs after the sweep has settled the first.
func TestRunOnce_LostCommit(t *testing.T) {
	t.Parallel()
	var lost *lostCommit
	s := newService(t, func(c *Config) {
		lost = &lostCommit{Store: c.Subscriber.Store}
		c.Subscriber.Store = lost
	})
	lost.once.Store(true)
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 503 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "request_in_progress" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	s.settlePending()
	w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	if w.Code != 201 || s.bank.charges.Load() != 1 {
		t.Errorf("got %d %s, charged %d times", w.Code, w.Body, s.bank.charges.Load())
	}
}

// The cancel was committed, but the subscription could not be read for the
// response. A request with the same key gets 200 and not a conflict.
func TestRunOnce_CommittedCancelCouldNotBeRead(t *testing.T) {
	t.Parallel()
	var store *unreadable
	s := newService(t, func(c *Config) {
		store = &unreadable{Store: c.Subscriber.Store}
		c.Subscriber.Store = store
	})
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	store.on.Store(true)
	if w := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`, key("k")); w.Code != 503 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	store.on.Store(false)
	if w := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`, key("k")); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// staleKeys is a store that hides an existing key from one lookup. This is the
// state of two requests with the same key that both look before either stores it.
type staleKeys struct {
	ports.Store
	lookups *atomic.Int64 // the lookup that makes it 0 does not find the key
}

func (b staleKeys) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return b.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.IdempotencyKeys = staleKeyRepo{tx.IdempotencyKeys, b.lookups}
		return f(tx)
	})
}

type staleKeyRepo struct {
	ports.IdempotencyKeys
	lookups *atomic.Int64
}

func (b staleKeyRepo) Find(ctx context.Context, user billing.UserID, keys ...string) (ports.KeyRecord, error) {
	if b.lookups.Add(-1) == 0 {
		return ports.KeyRecord{}, billing.ErrNotFound
	}
	return b.IdempotencyKeys.Find(ctx, user, keys...)
}

// The loser of a race for a key gets the response of the winner if it is known.
func TestReplayConcurrent_WinnerHasFinished(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]int{"tok_ok": 201, "tok_declined": 402, "tok_lost_response": 202} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			lookups := new(atomic.Int64)
			s := newService(t, func(c *Config) { c.Requests.Store = staleKeys{c.Requests.Store, lookups} })
			first := s.do("alice", "POST", "/v1/subscriptions", subscribeWith(token), key("k"))
			lookups.Store(1)
			second := s.do("alice", "POST", "/v1/subscriptions", subscribeWith(token), key("k"))
			if lookups.Load() >= 0 {
				t.Fatal("the second request did not look up the key again")
			}
			if first.Code != want || second.Code != want || first.Body.String() != second.Body.String() || second.Header().Get(replayed) == "" {
				t.Errorf("got %d %s, and then %d %s", first.Code, first.Body, second.Code, second.Body)
			}
			if n := s.bank.charges.Load(); n > 1 {
				t.Errorf("charged %d times, want at most 1", n)
			}
		})
	}
}

func TestReplayConcurrent_WinnerStillRuns(t *testing.T) {
	t.Parallel()
	lookups := new(atomic.Int64)
	s := newService(t, func(c *Config) { c.Requests.Store = staleKeys{c.Requests.Store, lookups} })
	s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")) }()
	<-s.bank.held
	lookups.Store(1)
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 409 || codeOf(t, w) != "request_in_progress" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	close(s.bank.hold)
	if w := <-first; w.Code != 201 {
		t.Errorf("the winner: got %d %s", w.Code, w.Body)
	}
}
