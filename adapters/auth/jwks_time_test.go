package auth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// These tests run in bubbles, where time passes only when everybody waits:
// time.Sleep takes none. The network is a function. A goroutine that outlived
// its context would hang the bubble, which fails the test.

// wire answers JWKS requests: with a set, never ("hang") or with an error ("").
type wire struct {
	mu    sync.Mutex
	says  string
	trips int
}

func (w *wire) say(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.says = s
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trips
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.trips++
	says := w.says
	w.mu.Unlock()
	switch says {
	case "":
		return nil, errors.New("connection refused")
	case "hang":
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(says)), Request: req}, nil
}

// inBubble runs a test with a Verifier whose JWKS is w.
func inBubble(t *testing.T, w *wire, test func(context.Context, *testing.T, *auth.Verifier, *clock)) {
	t.Helper()
	t.Parallel()
	issuerKey() // made outside: another test may be making it
	nextKey()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		now := newClock()
		v, err := auth.New(ctx, auth.Config{
			JWKSURL: "https://auth.cinema.test/jwks", Transport: w,
			Issuer: issuer, Audience: audience, Leeway: leeway, Now: now.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		test(ctx, t, v, now)
	})
}

// pass lets time go by, the Verifier's own timers included.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func firstSet() string { return keySet(publicJWK("k1", issuerKey())) }

func TestDownAtStartThenRecovers(t *testing.T) {
	w := &wire{}
	inBubble(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clock) {
		token := mint(header("kid=\"k1\""), claims())
		if v.Ready() == nil {
			t.Error("ready without a key")
		}
		// After 1, 2, 4, 8, 16, 32, 60 and 60 seconds; nobody sends a token.
		pass(time.Second - 1)
		for i, d := range []time.Duration{1, time.Second * 2, time.Second * 4, time.Second * 8, time.Second * 16,
			time.Second * 32, time.Minute, time.Minute} {
			pass(d)
			if got, want := w.count(), i+2; got != want {
				t.Fatalf("%d fetches, want %d", got, want)
			}
		}
		w.say(firstSet())
		pass(time.Minute)
		if err := v.Ready(); err != nil {
			t.Error(err)
		}
		if _, err := v.Verify(ctx, token); err != nil {
			t.Error(err)
		}
	})
}

func TestHangingAtStart(t *testing.T) {
	w := &wire{says: "hang"}
	inBubble(t, w, func(_ context.Context, t *testing.T, v *auth.Verifier, _ *clock) {
		if v.Ready() == nil {
			t.Error("ready without a key")
		}
		w.say(firstSet())
		pass(time.Second)
		if err := v.Ready(); err != nil {
			t.Error(err)
		}
	})
}

// New waits 3 seconds for the first answer and no longer.
func TestStartIsNotHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+1)
		defer cancel()
		cfg := auth.Config{
			JWKSURL: "https://auth.cinema.test/jwks", Transport: &wire{says: "hang"},
			Issuer: issuer, Audience: audience, Now: newClock().Now,
		}
		if _, err := auth.New(ctx, cfg); err != nil || ctx.Err() != nil {
			t.Errorf("New = %v; ctx: %v", err, ctx.Err())
		}
	})
}

func TestRegularRefresh(t *testing.T) {
	w := &wire{}
	w.says = firstSet()
	inBubble(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clock) {
		token := mint(header(), claims())
		pass(10*time.Minute - 1)
		if got := w.count(); got != 1 {
			t.Errorf("%d fetches before the time, want 1", got)
		}
		w.say(keySet(publicJWK("k2", nextKey())))
		// Tokens of strangers cause fetches of their own and do not put off
		// the regular one. The clock stands still, so they cause one.
		for range 3 {
			_, _ = v.Verify(ctx, mint(header(`kid="foreign"`), claims()))
		}
		if got := w.count(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
		pass(1)
		if got := w.count(); got != 3 {
			t.Errorf("%d fetches at the time, want 3", got)
		}
		if _, err := v.Verify(ctx, token); err == nil {
			t.Error("a key that was taken out of the set still works")
		}
	})
}

func TestOutageKeepsKeys(t *testing.T) {
	w := &wire{}
	w.says = firstSet()
	inBubble(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clock) {
		w.say("")
		pass(24 * time.Hour)
		if _, err := v.Verify(ctx, mint(header(), claims())); err != nil || v.Ready() != nil {
			t.Errorf("after a day without the JWKS: %v, %v", err, v.Ready())
		}
		before := w.count()
		pass(time.Hour)
		if got := w.count() - before; got != 60 {
			t.Errorf("%d fetches in an hour of outage, want 60", got)
		}
		w.say(firstSet())
		pass(time.Minute)
		w.say("")
		before = w.count()
		pass(10 * time.Minute) // a failure, and the retries of what is left of a minute: 1, 2, 4, … seconds
		if got := w.count() - before; got < 4 {
			t.Errorf("%d fetches early in a new outage: the pause did not start over", got)
		}
	})
}

// A viewer who hangs up does not wait for the auth service, and does not spoil
// the fetch for the others.
func TestImpatientViewer(t *testing.T) {
	w := &wire{}
	w.says = firstSet()
	inBubble(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clock) {
		w.say("hang")
		unknown := mint(header(`kid="k2"`), claims())
		both, cancel := context.WithTimeout(ctx, 2*time.Second+1)
		defer cancel()
		for range 2 { // the first one's fetch; then queued behind it
			short, cancel := context.WithTimeout(ctx, time.Second)
			_, err := v.Verify(short, unknown)
			cancel()
			if !errors.Is(err, auth.ErrUnauthenticated) {
				t.Errorf("Verify = %v", err)
			}
		}
		if both.Err() != nil {
			t.Error("they waited longer than they wanted to")
		}
		after, cancel := context.WithTimeout(ctx, time.Second+1) // of the 3 seconds 2 are over
		defer cancel()
		if _, err := v.Verify(after, unknown); err == nil || after.Err() != nil {
			t.Errorf("Verify = %v, ctx: %v", err, after.Err())
		}
		if got := w.count(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
	})
}

// After the context of New has ended nothing is fetched and nobody waits.
func TestEndOfContext(t *testing.T) {
	t.Parallel()
	w := &wire{}
	w.says = firstSet()
	issuerKey()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		v, err := auth.New(ctx, auth.Config{
			JWKSURL: "https://auth.cinema.test/jwks", Transport: w,
			Issuer: issuer, Audience: audience, Now: newClock().Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if _, err := v.Verify(t.Context(), mint(header(`kid="k2"`), claims())); err == nil {
			t.Error("accepted")
		}
		if _, err := v.Verify(t.Context(), mint(header(), claims())); err != nil {
			t.Errorf("the keys there were: %v", err)
		}
		pass(time.Hour)
		if got := w.count(); got != 1 {
			t.Errorf("%d fetches, want 1", got)
		}
	})
}
