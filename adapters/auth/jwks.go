package auth

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
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
	// At most one fetch per interval for tokens with an unknown kid. Forged tokens can
	// use up these fetches; a new key must still be found within a minute.
	unknownKeyInterval = 30 * time.Second
)

// remoteKeys serves the keys of a JWKS URL. One goroutine fetches them:
//
//	every 10 minutes ──┐
//	1s, 2s, … after ───┼─► fetch ─► usable keys? ─► replace the set
//	  a failure        │                 └ none: keep the last good set
//	unknown kid ───────┘
//	  (≤ 2 a minute)
type remoteKeys struct {
	set    *usableKeys
	lookup keyfunc.Keyfunc
	fetch  func(context.Context) error
	now    func() time.Time
	log    *slog.Logger

	requests chan chan struct{} // requests for a fetch; each channel is closed when it is handled
	stopped  <-chan struct{}    // closed when the goroutine must end
}

func newRemoteKeys(ctx context.Context, cfg Config) (*remoteKeys, error) {
	set := &usableKeys{MemoryJWKSet: jwkset.NewMemoryStorage(), log: cfg.Log}
	r := &remoteKeys{
		set: set, fetch: fetcher(cfg.JWKSURL, newClient(cfg.Transport), set),
		now: cfg.Now, log: cfg.Log,
		requests: make(chan chan struct{}), stopped: ctx.Done(),
	}
	var err error
	r.lookup, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: set})
	if err != nil {
		return nil, err
	}
	go r.refreshLoop(ctx, r.refresh(ctx))
	return r, nil
}

// fetcher returns a function that fetches the set once, with the constructor of
// jwkset. The refresh of jwkset is not used: after a first failure it waits 10
// minutes, and it runs the fetch for an unknown kid under the time limit of its rate
// limiter.
func fetcher(url string, client *http.Client, set jwkset.Storage) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := jwkset.NewStorageFromHTTP(url, jwkset.HTTPClientStorageOptions{
			Ctx: ctx, Client: client, HTTPTimeout: fetchTimeout, Storage: set,
		})
		return err
	}
}

func (r *remoteKeys) ready() error {
	if r.set.empty() {
		return errors.New("auth: no key was fetched from the JWKS URL yet")
	}
	return nil
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

func (r *remoteKeys) find(ctx context.Context, kid string) (*rsa.PublicKey, error) {
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
	limit := rate.NewLimiter(rate.Every(unknownKeyInterval), 1)
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

func (r *remoteKeys) refresh(ctx context.Context) error {
	err := r.fetch(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.WarnContext(ctx, "JWKS was not refreshed; the previous keys stay in use", "error", err)
	}
	return err
}
