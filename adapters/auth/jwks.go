package auth

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	refreshInterval = 10 * time.Minute // a key removed from the set stays valid this long
	minRetry        = time.Second      // after a failed fetch; doubled after each further failure
	maxRetry        = time.Minute
	// Without a successful fetch no key is used for longer: the auth service may have
	// revoked it.
	maxKeyAge = 24 * time.Hour
	// At most one fetch per interval for tokens with an unknown kid or a wrong
	// signature. Forged tokens can use up these fetches; a new key must still be found
	// within a minute.
	extraFetchInterval = 30 * time.Second
)

// remoteKeys serves the keys of a JWKS URL. One goroutine fetches them:
//
//	every 10 minutes ────┐
//	1s, 2s, … after ─────┼─► fetch ─► usable keys? ─► replace the set
//	  a failure          │                 └ none: keep the last good set, for 24 hours
//	unknown kid, wrong ──┘
//	  signature (≤ 2 a minute)
type remoteKeys struct {
	set    *jwkset.MemoryJWKSet
	lookup keyfunc.Keyfunc
	fetch  func(context.Context) ([]json.RawMessage, error)
	now    func() time.Time
	log    *slog.Logger
	start  time.Time
	last   atomic.Pointer[fetched] // nil before the first success

	requests chan chan struct{} // requests for a fetch; each channel is closed when it is handled
	stopped  <-chan struct{}    // closed when the goroutine must end
}

// fetched describes the last successful fetch.
type fetched struct {
	at                  time.Time
	used, other, faulty int
	faults              string // of the keys that cannot be used
}

func newRemoteKeys(ctx context.Context, cfg Config) (*remoteKeys, error) {
	client := newClient(cfg.Transport)
	r := &remoteKeys{
		set:   jwkset.NewMemoryStorage(),
		fetch: func(ctx context.Context) ([]json.RawMessage, error) { return fetchKeys(ctx, client, cfg.JWKSURL) },
		now:   cfg.Now, log: cfg.Log, start: cfg.Now(),
		requests: make(chan chan struct{}), stopped: ctx.Done(),
	}
	var err error
	r.lookup, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: r.set})
	if err != nil {
		return nil, err
	}
	go r.refreshLoop(ctx, r.refresh(ctx))
	return r, nil
}

func (r *remoteKeys) ready() error {
	switch {
	case r.last.Load() == nil:
		return errors.New("auth: no key was fetched from the JWKS URL yet")
	case r.age() > maxKeyAge:
		return fmt.Errorf("auth: the keys of the JWKS URL were last fetched %s ago", r.age().Round(time.Minute))
	}
	return nil
}

func (r *remoteKeys) status(context.Context) KeyStatus {
	s := KeyStatus{Age: r.age()}
	if last := r.last.Load(); last != nil {
		s.Used, s.Other, s.Faulty = last.used, last.other, last.faulty
	}
	return s
}

// age returns the time since the last successful fetch, or since the start without one.
func (r *remoteKeys) age() time.Duration {
	if last := r.last.Load(); last != nil {
		return r.now().Sub(last.at)
	}
	return r.now().Sub(r.start)
}

// key implements [keySource]. It requires a kid, because without one it would have to
// try every key of the set. An unknown kid may belong to a key that the auth service
// has just added, so key waits for one fetch if the rate limit allows it.
func (r *remoteKeys) key(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	if kid == "" {
		return nil, noKeyID
	}
	if key, err := r.find(ctx, kid); err == nil {
		return key, nil
	}
	r.requestFetch(ctx)
	return r.find(ctx, kid)
}

// successor implements [keySource]. The auth service may have replaced a key without
// a new kid, so it waits for one fetch if the rate limit allows it.
func (r *remoteKeys) successor(ctx context.Context, kid string, old *rsa.PublicKey) (*rsa.PublicKey, bool) {
	r.requestFetch(ctx)
	key, err := r.find(ctx, kid)
	return key, err == nil && !key.Equal(old)
}

func (r *remoteKeys) find(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	if r.ready() != nil {
		return nil, ErrNoKeys
	}
	header := map[string]any{"alg": "RS256", "kid": kid}
	found, err := r.lookup.KeyfuncCtx(ctx)(&jwt.Token{Header: header})
	if err != nil {
		return nil, unknownKey // not err: its text quotes the kid
	}
	key, ok := found.(*rsa.PublicKey)
	if !ok {
		return nil, unknownKey
	}
	return key, nil
}

// requestFetch waits until the goroutine has fetched the set or skipped the fetch.
func (r *remoteKeys) requestFetch(ctx context.Context) {
	done := make(chan struct{})
	select {
	case r.requests <- done:
	case <-ctx.Done():
		return
	case <-r.stopped:
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// refreshLoop fetches the set until ctx ends. err is the result of the first fetch.
func (r *remoteKeys) refreshLoop(ctx context.Context, err error) {
	limit := rate.NewLimiter(rate.Every(extraFetchInterval), 1)
	retry := minRetry
	pause := func(err error) time.Duration {
		if err == nil {
			retry = minRetry
			return refreshInterval
		}
		defer func() { retry = min(2*retry, maxRetry) }()
		return retry
	}
	timer := time.NewTimer(pause(err))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(pause(r.refresh(ctx)))
		case done := <-r.requests:
			// The timer keeps running, so a flood of forged tokens cannot delay the
			// regular fetch.
			if limit.AllowN(r.now(), 1) {
				_ = r.refresh(ctx)
			}
			close(done)
		}
	}
}

// refresh replaces the set if the fetched one has a usable key.
func (r *remoteKeys) refresh(ctx context.Context) error {
	keys, err := r.fetch(ctx)
	var set keySet
	if err == nil {
		set, err = readKeySet(keys)
	}
	if err != nil {
		if ctx.Err() == nil {
			r.log.WarnContext(ctx, "JWKS was not refreshed; the previous keys stay in use for at most 24 hours",
				"error", err, "age", r.age().Round(time.Second).String())
		}
		return err
	}
	if err := r.set.KeyReplaceAll(ctx, set.used); err != nil {
		return err
	}
	next := &fetched{at: r.now(), used: len(set.used), other: len(set.other), faulty: len(set.faulty)}
	if err := firstFaults(set.faulty); err != nil {
		next.faults = err.Error()
	}
	if last := r.last.Swap(next); next.faults != "" && (last == nil || last.faults != next.faults) {
		r.log.WarnContext(ctx, "JWKS has faulty keys, which are skipped", "count", next.faulty, "error", next.faults)
	}
	return nil
}
