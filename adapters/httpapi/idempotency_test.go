package httpapi

import (
	"context"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const replayed = "Idempotent-Replayed"

// wantAgain checks that second is first again, byte for byte.
func wantAgain(t *testing.T, first, second *httptest.ResponseRecorder) {
	t.Helper()
	if second.Code != first.Code || second.Header().Get(replayed) != "true" {
		t.Errorf("answered %d, replayed %q; want %d again", second.Code, second.Header().Get(replayed), first.Code)
	}
	if diff := cmp.Diff(first.Body.String(), second.Body.String()); diff != "" {
		t.Errorf("the body (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(first.Header().Get("Content-Type"), second.Header().Get("Content-Type")); diff != "" {
		t.Errorf("Content-Type (-first +second):\n%s", diff)
	}
}

func TestRepetitionsGetTheFirstAnswer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, body string
		status     int
	}{
		"active":       {"/v1/subscriptions", subscribeOK, 201},
		"confirm":      {"/v1/subscriptions", with("tok_3ds"), 202},
		"declined":     {"/v1/subscriptions", with("tok_declined"), 402},
		"unknown":      {"/v1/subscriptions", with("tok_unknown"), 422},
		"no such plan": {"/v1/subscriptions", strings.Replace(subscribeOK, "premium", "gold", 1), 404},
		"other price":  {"/v1/subscriptions", strings.Replace(subscribeOK, "39900", "1", 1), 409},
		"no such ref":  {"/v1/subscriptions/gold/cancel", "", 404},
		"resume none":  {"/v1/subscriptions/premium/resume", "", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			first := s.do("alice", "POST", test.path, test.body, key("k"))
			if first.Code != test.status || first.Header().Get(replayed) != "" {
				t.Errorf("answered %d %v, want %d", first.Code, first.Header(), test.status)
			}
			// Meanwhile the world turns.
			s.do("alice", "POST", "/v1/subscriptions", with("tok_other"))
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			wantAgain(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
		})
	}
}

func TestRepeatedCancelAndResume(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	cancelled := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "", key("cancel"))
	resumed := s.do("alice", "POST", "/v1/subscriptions/premium/resume", "{}", key("resume"))
	// An empty body says the same as one that spells the default out.
	wantAgain(t, cancelled, s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"period_end"}`, key("cancel")))
	wantAgain(t, resumed, s.do("alice", "POST", "/v1/subscriptions/premium/resume", "", key("resume")))
}

func TestKeyBelongsToOneRequestOfOneUser(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	for _, other := range []struct{ path, body string }{
		{"/v1/subscriptions", with("tok_other")},
		{"/v1/subscriptions", strings.Replace(subscribeOK, "39900", "39901", 1)},
		{"/v1/subscriptions/premium/cancel", ""},
		{"/v1/subscriptions/premium/resume", ""},
	} {
		w := s.do("alice", "POST", other.path, other.body, key("k"))
		if w.Code != 422 || codeOf(t, w) != "idempotency_key_reused" {
			t.Errorf("%s %s: answered %d %s", other.path, other.body, w.Code, w.Body)
		}
	}
	if w := s.do("bob", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 201 || w.Header().Get(replayed) != "" {
		t.Errorf("another user's key: answered %d %s", w.Code, w.Body)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for k, want := range map[string]int{
		"a": 201, "!~": 201, strings.Repeat("k", 255): 201,
		"": 422, " ": 422, "a b": 422, "é": 422, "a\tb": 422, strings.Repeat("k", 256): 422,
	} {
		t.Run(k, func(t *testing.T) {
			t.Parallel()
			if w := newService(t).do("alice", "POST", "/v1/subscriptions", subscribeOK, key(k)); w.Code != want {
				t.Errorf("answered %d, want %d", w.Code, want)
			}
		})
	}
}

func TestParallelRequestsWithOneKey(t *testing.T) {
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
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	if n := s.bank.charges.Load(); n != 1 || len(bodies) != 1 {
		t.Errorf("charged %d times with %d different answers, want 1 and 1", n, len(bodies))
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 201 || !bodies[w.Body.String()] {
		t.Errorf("afterwards answered %d %s", w.Code, w.Body)
	}
}

func TestParallelRequestsWithDifferentKeys(t *testing.T) {
	t.Parallel()
	s := newService(t)
	codes := make(map[int]int)
	for _, w := range parallel(50, func(i int) *httptest.ResponseRecorder {
		return s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key(strconv.Itoa(i)))
	}) {
		codes[w.Code]++
		if w.Code != 201 && codeOf(t, w) != "already_subscribed" {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	if diff := cmp.Diff(map[int]int{201: 1, 409: 49}, codes); diff != "" || s.bank.charges.Load() != 1 {
		t.Errorf("charged %d times, want 1; answers (-want +got):\n%s", s.bank.charges.Load(), diff)
	}
}

func parallel(n int, f func(i int) *httptest.ResponseRecorder) []*httptest.ResponseRecorder {
	answers := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { answers[i] = f(i) })
	}
	wg.Wait()
	return answers
}

// While the first runs, a repetition is told so.
func TestRepetitionWhileTheFirstRuns(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{}, 1)
	var first *httptest.ResponseRecorder
	var wg sync.WaitGroup
	wg.Go(func() { first = s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")) })
	<-s.bank.held
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "request_in_progress" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	close(s.bank.hold)
	wg.Wait()
	wantAgain(t, first, s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")))
}

// What came to nothing gives its key back.
func TestKeyAfterAnOutage(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.bank.down.Store(true)
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 503 {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	s.bank.down.Store(false)
	w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	if w.Code != 201 || w.Header().Get(replayed) != "" || s.bank.charges.Load() != 1 {
		t.Errorf("answered %d %s, charged %d times", w.Code, w.Body, s.bank.charges.Load())
	}
}

// A process that died between its work and its answer is spoken for by the next.
func TestAnswerMadeOfWork(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, body string
		status     int
	}{
		"active":   {"/v1/subscriptions", with("tok_new"), 201},
		"declined": {"/v1/subscriptions", with("tok_declined"), 402},
		"cancel":   {"/v1/subscriptions/premium/cancel", "", 200},
		"resume":   {"/v1/subscriptions/premium/resume", "", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, forgetful := newForgetful(t)
			if test.status == 200 {
				s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
			}
			forgetful.on.Store(true)
			first := s.do("alice", "POST", test.path, test.body, key("k"))
			if first.Code != test.status {
				t.Fatalf("answered %d %s, want %d", first.Code, first.Body, test.status)
			}
			wantAgain(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
			forgetful.on.Store(false)
			wantAgain(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			wantAgain(t, first, s.do("alice", "POST", test.path, test.body, key("k")))
		})
	}
}

// The key of a payment that nobody could record stays taken until it is settled.
func TestKeyOfAPaymentThatIsBeingSettled(t *testing.T) {
	t.Parallel()
	var broken *outage
	s := newService(t, func(c *Config) {
		broken = &outage{Store: c.Subscriber.Store}
		broken.on.Store(true)
		c.Subscriber.Collector.Store = broken
	})
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 503 || !strings.Contains(w.Body.String(), "being settled") {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "request_in_progress" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	if n := s.bank.charges.Load(); n != 1 {
		t.Errorf("charged %d times, want 1", n)
	}
}

// When a commit's answer is lost, nobody knows whether there is an intent. The
// key stays with it: a repetition neither makes a second one nor is told for
// ever that there is one.
func TestKeyAfterACommitWasLost(t *testing.T) {
	t.Parallel()
	var lost *lostCommit
	s := newService(t, func(c *Config) {
		lost = &lostCommit{Store: c.Subscriber.Store}
		c.Subscriber.Store = lost
	})
	lost.once.Store(true)
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 503 {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "request_in_progress" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	s.giveUp()
	w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
	if w.Code != 201 || s.bank.charges.Load() != 1 {
		t.Errorf("answered %d %s, charged %d times", w.Code, w.Body, s.bank.charges.Load())
	}
}

// A cancel that was done and could not be shown is not refused the second time
// as done already.
func TestKeyOfACancelThatCouldNotBeShown(t *testing.T) {
	t.Parallel()
	var blind *blindfold
	s := newService(t, func(c *Config) {
		blind = &blindfold{Store: c.Subscriber.Store}
		c.Subscriber.Store = blind
	})
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	blind.on.Store(true)
	if w := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`, key("k")); w.Code != 503 {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	blind.on.Store(false)
	if w := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`, key("k")); w.Code != 200 {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// blinded is a store in which the first request with a key is not seen by the
// next one to look, which therefore goes to work: as when both look at once.
type blinded struct {
	ports.Store
	looks *atomic.Int64 // until nothing is seen once
}

func (b blinded) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return b.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.IdempotencyKeys = blindedAnswers{tx.IdempotencyKeys, b.looks}
		return f(tx)
	})
}

type blindedAnswers struct {
	ports.IdempotencyKeys
	looks *atomic.Int64
}

func (b blindedAnswers) Find(ctx context.Context, user billing.UserID, key string) (ports.KeyRecord, error) {
	if b.looks.Add(-1) == 0 {
		return ports.KeyRecord{}, billing.ErrNotFound
	}
	return b.IdempotencyKeys.Find(ctx, user, key)
}

// Whoever lost the race for a key is told what the winner was told, if that is
// known by now.
func TestWhoeverLosesTheRaceForAKey(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]int{"tok_ok": 201, "tok_declined": 402, "tok_lost_answer": 202} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			looks := new(atomic.Int64)
			s := newService(t, func(c *Config) { c.Requests.Store = blinded{c.Requests.Store, looks} })
			first := s.do("alice", "POST", "/v1/subscriptions", with(token), key("k"))
			looks.Store(1)
			second := s.do("alice", "POST", "/v1/subscriptions", with(token), key("k"))
			if looks.Load() >= 0 {
				t.Fatal("nobody looked again")
			}
			if first.Code != want || second.Code != want || first.Body.String() != second.Body.String() || second.Header().Get(replayed) == "" {
				t.Errorf("answered %d %s, and then %d %s", first.Code, first.Body, second.Code, second.Body)
			}
			if n := s.bank.charges.Load(); n > 1 {
				t.Errorf("charged %d times", n)
			}
		})
	}
}

// While the winner still runs, the loser is told so.
func TestWhoeverLosesTheRaceForAKeyThatIsStillRunning(t *testing.T) {
	t.Parallel()
	looks := new(atomic.Int64)
	s := newService(t, func(c *Config) { c.Requests.Store = blinded{c.Requests.Store, looks} })
	s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")) }()
	<-s.bank.held
	looks.Store(1)
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 409 || codeOf(t, w) != "request_in_progress" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	close(s.bank.hold)
	if w := <-first; w.Code != 201 {
		t.Errorf("the winner is answered %d %s", w.Code, w.Body)
	}
}
