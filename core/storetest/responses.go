package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var responseCases = []testCase{
	{"are stored unchanged, once", func(w *world) {
		r, sub := w.claimedKey()
		first := ports.Response{Status: 201, Body: []byte("{\"a\": 1}\n\x00\xff")}
		want := ports.KeyRecord{KeyedRequest: r, Subscription: sub, Response: &first}
		same(w, "first", w.keep(r, first), want)
		same(w, "second", w.keep(r, ports.Response{Status: 500, Body: []byte("no")}), want)
		w.wantKey(r, want)
	}},
	{"may be empty", func(w *world) {
		for _, body := range [][]byte{nil, {}} {
			r, _ := w.claimedKey()
			c := w.keep(r, ports.Response{Status: 204, Body: body})
			if c.Response == nil || c.Response.Status != 204 || !bytes.Equal(c.Response.Body, nil) {
				w.Errorf("the response is %+v, want 204 and no body", c.Response)
			}
		}
	}},
	{"are stored without a claim", func(w *world) {
		r, a := w.request("key"), ports.Response{Status: 404, Body: []byte("gone")}
		want := ports.KeyRecord{KeyedRequest: r, Response: &a, Unclaimed: true}
		same(w, "stored", w.keep(r, a), want)
		w.wantKey(r, want)
	}},
	{"are not stored for another owner", func(w *world) {
		r, sub := w.claimedKey()
		other := r
		other.Owner, other.Fingerprint = newID(), sha256.Sum256([]byte("other"))
		want := ports.KeyRecord{KeyedRequest: r, Subscription: sub}
		same(w, "stored", w.keep(other, ports.Response{Status: 200, Body: []byte("mine")}), want)
		w.wantKey(r, want)
	}},
	{"stay when the key is forgotten", func(w *world) {
		r, sub := w.claimedKey()
		a := ports.Response{Status: 200, Body: []byte("ok")}
		w.keep(r, a)
		w.forget(r, r.Owner)
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub, Response: &a})
	}},
	{"are pruned by age, up to the limit", func(w *world) {
		for range 3 {
			r, _ := w.claimedKey()
			w.keep(r, ports.Response{Status: 200, Body: []byte("ok")})
		}
		for _, step := range []struct {
			age         time.Duration
			limit, want int
		}{{time.Hour, 10, 0}, {0, 2, 2}, {0, 2, 1}, {0, 2, 0}} {
			if n := w.prune(step.age, step.age, step.limit); n != step.want {
				w.Errorf("older than %s, up to %d: pruned %d, want %d", step.age, step.limit, n, step.want)
			}
		}
	}},
	{"to requests that changed nothing are pruned apart", func(w *world) {
		claimed, _ := w.claimedKey()
		free := w.request("key")
		forgotten, _ := w.claimedKey()
		w.forget(forgotten, forgotten.Owner)
		for _, r := range []ports.KeyedRequest{claimed, free, forgotten} {
			w.keep(r, ports.Response{Status: 200, Body: []byte("ok")})
		}
		for _, step := range []struct {
			age         time.Duration
			limit, want int
		}{{time.Hour, 10, 0}, {0, 1, 1}, {0, 10, 1}, {0, 10, 0}} {
			if n := w.prune(time.Hour, step.age, step.limit); n != step.want {
				w.Errorf("older than %s, up to %d: pruned %d, want %d", step.age, step.limit, n, step.want)
			}
		}
		_, err := w.findKey(claimed)
		w.must(err)
	}},
	{"are counted per user and age", func(w *world) {
		user := w.viewer().UserID
		for _, key := range []string{"a", "b", "c"} {
			w.keep(request(user, key), ports.Response{Status: 404})
		}
		w.keep(w.request("a"), ports.Response{Status: 404})
		for _, c := range []struct {
			limit  int
			age    time.Duration
			excess bool
		}{{3, time.Hour, false}, {2, time.Hour, true}, {0, time.Hour, true}, {0, 0, false}} {
			wait := w.excess(user, c.limit, c.age)
			if (wait > 0) != c.excess || wait > c.age || c.excess && wait < c.age-time.Minute {
				w.Errorf("more than %d within %s: for %s, want any: %t", c.limit, c.age, wait, c.excess)
			}
		}
	}},
}

func request(user billing.UserID, key string) ports.KeyedRequest {
	return ports.KeyedRequest{User: user, Key: key, Fingerprint: sha256.Sum256([]byte(newID())), Owner: newID()}
}

func (w *world) request(key string) ports.KeyedRequest {
	w.Helper()
	return request(w.viewer().UserID, key)
}

func (w *world) claimedKey() (ports.KeyedRequest, billing.SubscriptionID) {
	w.Helper()
	d := w.subscribe(time.Hour)
	r := request(d.sub.UserID, "Key with «any» text")
	w.must(w.try(claimKey(r, d.sub.ID)))
	return r, d.sub.ID
}

func claimKey(r ports.KeyedRequest, s billing.SubscriptionID) txFunc {
	return func(ctx context.Context, tx ports.Repos) error { return tx.IdempotencyKeys.Claim(ctx, r, s) }
}

func (w *world) keep(r ports.KeyedRequest, a ports.Response) (c ports.KeyRecord) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		c, err = tx.IdempotencyKeys.Keep(ctx, r, a)
		return err
	})
	return c
}

func (w *world) forget(r ports.KeyedRequest, owner string) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, owner)
	})
}

func (w *world) prune(age, unclaimed time.Duration, limit int) (n int) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		n, err = tx.IdempotencyKeys.Prune(ctx, age, unclaimed, limit)
		return err
	})
	return n
}

func (w *world) excess(user billing.UserID, limit int, age time.Duration) (wait time.Duration) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		wait, err = tx.IdempotencyKeys.Excess(ctx, user, limit, age)
		return err
	})
	return wait
}

func (w *world) findKey(r ports.KeyedRequest) (c ports.KeyRecord, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		c, err = tx.IdempotencyKeys.Find(ctx, r.User, r.Key)
		return err
	})
	return c, err
}

func (w *world) wantKey(r ports.KeyedRequest, want ports.KeyRecord) {
	w.Helper()
	got, err := w.findKey(r)
	w.must(err)
	same(w, "claim", got, want)
}
