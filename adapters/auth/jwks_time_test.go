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
	"github.com/online-cinema/billing/core/clocktest"
)

// These tests run in synctest bubbles with a fake network, so that sleeping takes no
// real time. A goroutine that outlives its context makes the bubble hang, which fails
// the test.

// fakeNetwork is the transport of JWKS requests. It responds with a key set, with an
// error (response ""), or never (response "hang").
type fakeNetwork struct {
	mu       sync.Mutex
	response string
	requests int
}

func (w *fakeNetwork) respond(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.response = s
}

func (w *fakeNetwork) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

func (w *fakeNetwork) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.requests++
	response := w.response
	w.mu.Unlock()
	switch response {
	case "":
		return nil, errors.New("connection refused")
	case "hang":
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(response)), Request: req}, nil
}

// jwksTest runs a test in a bubble, with a Verifier that fetches its keys through w.
func jwksTest(t *testing.T, w *fakeNetwork, test func(context.Context, *testing.T, *auth.Verifier, *clocktest.Clock)) {
	t.Helper()
	t.Parallel()
	issuerKey() // generated outside the bubble: another test may be waiting for it
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

// elapse advances the time of the bubble and runs the Verifier's timers.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func firstSet() string { return keySet(publicJWK("k1", issuerKey())) }

func TestJWKS_DownAtStartThenRecovers(t *testing.T) {
	w := &fakeNetwork{}
	jwksTest(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clocktest.Clock) {
		token := mint(header("kid=\"k1\""), claims())
		if v.Ready() == nil {
			t.Error("ready without a key")
		}
		if _, err := v.Verify(ctx, token); !errors.Is(err, auth.ErrNoKeys) {
			t.Errorf("Verify = %v, want %v", err, auth.ErrNoKeys)
		}
		// Retries after 1, 2, 4, 8, 16, 32, 60 and 60 seconds, without any token.
		elapse(time.Second - 1)
		for i, d := range []time.Duration{1, time.Second * 2, time.Second * 4, time.Second * 8, time.Second * 16,
			time.Second * 32, time.Minute, time.Minute} {
			elapse(d)
			if got, want := w.count(), i+3; got != want { // Verify caused one more
				t.Fatalf("%d fetches, want %d", got, want)
			}
		}
		w.respond(firstSet())
		elapse(time.Minute)
		if err := v.Ready(); err != nil {
			t.Error(err)
		}
		if _, err := v.Verify(ctx, token); err != nil {
			t.Error(err)
		}
	})
}

func TestJWKS_HangsAtStart(t *testing.T) {
	w := &fakeNetwork{response: "hang"}
	jwksTest(t, w, func(_ context.Context, t *testing.T, v *auth.Verifier, _ *clocktest.Clock) {
		if v.Ready() == nil {
			t.Error("ready without a key")
		}
		w.respond(firstSet())
		elapse(time.Second)
		if err := v.Ready(); err != nil {
			t.Error(err)
		}
	})
}

// New waits at most 3 seconds for the first response.
func TestNew_WaitsThreeSecondsAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+1)
		defer cancel()
		cfg := auth.Config{
			JWKSURL: "https://auth.cinema.test/jwks", Transport: &fakeNetwork{response: "hang"},
			Issuer: issuer, Audience: audience, Now: newClock().Now,
		}
		if _, err := auth.New(ctx, cfg); err != nil || ctx.Err() != nil {
			t.Errorf("New = %v; ctx: %v", err, ctx.Err())
		}
	})
}

func TestJWKS_RegularRefresh(t *testing.T) {
	w := &fakeNetwork{}
	w.response = firstSet()
	jwksTest(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clocktest.Clock) {
		token := mint(header(), claims())
		elapse(10*time.Minute - 1)
		if got := w.count(); got != 1 {
			t.Errorf("%d fetches before the interval ends, want 1", got)
		}
		w.respond(keySet(publicJWK("k2", nextKey())))
		// Tokens with an unknown kid cause extra fetches, which must not delay the
		// regular one. The clock is frozen, so the limit allows one extra fetch.
		for range 3 {
			_, _ = v.Verify(ctx, mint(header(`kid="unknown"`), claims()))
		}
		if got := w.count(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
		elapse(1)
		if got := w.count(); got != 3 {
			t.Errorf("%d fetches when the interval ends, want 3", got)
		}
		if _, err := v.Verify(ctx, token); err == nil {
			t.Error("a key that was removed from the set is still accepted")
		}
	})
}

func TestJWKS_OutageKeepsKeys(t *testing.T) {
	w := &fakeNetwork{}
	w.response = firstSet()
	jwksTest(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clocktest.Clock) {
		w.respond("")
		elapse(24 * time.Hour)
		if _, err := v.Verify(ctx, mint(header(), claims())); err != nil || v.Ready() != nil {
			t.Errorf("after a day without the JWKS: %v, %v", err, v.Ready())
		}
		before := w.count()
		elapse(time.Hour)
		if got := w.count() - before; got != 60 {
			t.Errorf("%d fetches in an hour of outage, want 60", got)
		}
		w.respond(firstSet())
		elapse(time.Minute)
		w.respond("")
		before = w.count()
		elapse(10 * time.Minute) // one failure, then retries after 1, 2, 4, … seconds in the rest of the time
		if got := w.count() - before; got < 4 {
			t.Errorf("%d fetches early in a new outage, want at least 4: the backoff did not start over", got)
		}
	})
}

// A key that the auth service has revoked must not stay in use because the JWKS URL
// fails.
func TestJWKS_KeysExpireWithoutFetch(t *testing.T) {
	for name, response := range map[string]string{"unavailable": "", "empty": `{"keys":[]}`} {
		t.Run(name, func(t *testing.T) {
			w := &fakeNetwork{response: firstSet()}
			jwksTest(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, now *clocktest.Clock) {
				token, forged := mint(header(), claims("exp="+unix(48*time.Hour))), mint(header(`alg="none"`), claims())
				w.respond(response)
				now.Advance(24 * time.Hour)
				if _, err := v.Verify(ctx, token); err != nil || v.Ready() != nil {
					t.Errorf("after 24 hours: %v, %v", err, v.Ready())
				}
				now.Advance(time.Second)
				if _, err := v.Verify(ctx, token); !errors.Is(err, auth.ErrNoKeys) || v.Ready() == nil {
					t.Errorf("after more than 24 hours: %v, %v; want %v", err, v.Ready(), auth.ErrNoKeys)
				}
				if _, err := v.Verify(ctx, forged); !errors.Is(err, auth.ErrUnauthenticated) {
					t.Errorf("a token that no key can make valid: %v, want %v", err, auth.ErrUnauthenticated)
				}
				w.respond(firstSet())
				elapse(refreshInterval)
				if _, err := v.Verify(ctx, token); err != nil || v.Ready() != nil {
					t.Errorf("after a fetch: %v, %v", err, v.Ready())
				}
			})
		})
	}
}

const refreshInterval = 10 * time.Minute

// A caller whose context ends stops waiting, and does not cancel the fetch that other
// callers wait for.
func TestVerify_CallerTimesOutDuringFetch(t *testing.T) {
	w := &fakeNetwork{}
	w.response = firstSet()
	jwksTest(t, w, func(ctx context.Context, t *testing.T, v *auth.Verifier, _ *clocktest.Clock) {
		w.respond("hang")
		unknown := mint(header(`kid="k2"`), claims())
		both, cancel := context.WithTimeout(ctx, 2*time.Second+1)
		defer cancel()
		for range 2 { // the first call starts the fetch; the second is queued behind it
			short, cancel := context.WithTimeout(ctx, time.Second)
			_, err := v.Verify(short, unknown)
			cancel()
			if !errors.Is(err, auth.ErrUnauthenticated) {
				t.Errorf("Verify = %v", err)
			}
		}
		if both.Err() != nil {
			t.Error("the calls waited longer than their contexts")
		}
		after, cancel := context.WithTimeout(ctx, time.Second+1) // 2 of the fetch's 3 seconds are over
		defer cancel()
		if _, err := v.Verify(after, unknown); err == nil || after.Err() != nil {
			t.Errorf("Verify = %v, ctx: %v", err, after.Err())
		}
		if got := w.count(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
	})
}

// After the context of New has ended, no key is fetched and no caller waits.
func TestJWKS_ContextEnds(t *testing.T) {
	t.Parallel()
	w := &fakeNetwork{}
	w.response = firstSet()
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
			t.Errorf("token of a key fetched before: %v", err)
		}
		elapse(time.Hour)
		if got := w.count(); got != 1 {
			t.Errorf("%d fetches, want 1", got)
		}
	})
}
