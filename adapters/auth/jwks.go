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
	refreshEvery = 10 * time.Minute // a key taken out of the set works this long
	retryFirst   = time.Second      // after a failure; doubled each time
	retryMost    = time.Minute
	// Fetches that tokens with an unknown kid may cause: strangers' use them up,
	// and a new key has to be found within a minute all the same.
	unknownEvery = 30 * time.Second
)

// remoteKeys are the keys behind a JWKS URL. One goroutine fetches:
//
//	every 10 minutes ──┐
//	1s, 2s, … after ───┼─► fetch ─► usable keys? ─► replace the set
//	  a failure        │                 └ none: keep the last good set
//	unknown kid ───────┘
//	  (≤ 2 a minute)
type remoteKeys struct {
	set    *goodKeys
	lookup keyfunc.Keyfunc
	fetch  func(context.Context) error
	now    func() time.Time
	log    *slog.Logger

	unknown chan chan struct{} // requests to fetch; each channel is closed once it was dealt with
	stopped <-chan struct{}    // closed when the goroutine has been told to end
}

func newRemoteKeys(ctx context.Context, cfg Config) (*remoteKeys, error) {
	set := &goodKeys{MemoryJWKSet: jwkset.NewMemoryStorage(), log: cfg.Log}
	r := &remoteKeys{
		set: set, fetch: fetcher(cfg.JWKSURL, newClient(cfg.Transport), set),
		now: cfg.Now, log: cfg.Log,
		unknown: make(chan chan struct{}), stopped: ctx.Done(),
	}
	var err error
	r.lookup, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: set})
	if err != nil {
		return nil, err
	}
	go r.keepFresh(ctx, r.refresh(ctx))
	return r, nil
}

// fetcher returns a function that fetches the set once. jwkset does it in its
// constructor; its own refreshing is not used, because it waits 10 minutes
// after a first failure and runs the fetch for an unknown kid under the time
// limit of the rate limiter.
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
		return errors.New("auth: no key from the JWKS yet")
	}
	return nil
}

// key requires a kid: without one every key of the set would have to be tried.
// When the kid is unknown, perhaps because the auth service has just changed
// its key, it waits for one fetch if one is due.
func (r *remoteKeys) key(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	if kid == "" {
		return nil, noKeyID
	}
	if key, err := r.find(ctx, kid); err == nil {
		return key, nil
	}
	r.askForFetch(ctx)
	return r.find(ctx, kid)
}

func (r *remoteKeys) find(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	header := map[string]any{"alg": "RS256", "kid": kid}
	found, err := r.lookup.KeyfuncCtx(ctx)(&jwt.Token{Header: header})
	if err != nil {
		return nil, unknownKey // the library's text quotes the kid
	}
	key, ok := found.(*rsa.PublicKey)
	if !ok {
		return nil, unknownKey
	}
	return key, nil
}

func (r *remoteKeys) askForFetch(ctx context.Context) {
	done := make(chan struct{})
	select {
	case r.unknown <- done:
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

// keepFresh fetches until ctx ends; err is how the first fetch went.
func (r *remoteKeys) keepFresh(ctx context.Context, err error) {
	limit := rate.NewLimiter(rate.Every(unknownEvery), 1)
	retry := retryFirst
	pause := func(err error) time.Duration {
		if err == nil {
			retry = retryFirst
			return refreshEvery
		}
		defer func() { retry = min(2*retry, retryMost) }()
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
		case done := <-r.unknown:
			// The timer runs on: a flood of foreign tokens cannot put off the
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
		r.log.WarnContext(ctx, "JWKS not refreshed, the keys stay as they are", "error", err)
	}
	return err
}
