package storetest

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var keyPromises = []promise{
	{"are claimed with all that is known of the request", func(w *world) {
		r, sub := w.claimed()
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"are not found before they are used", func(w *world) {
		_, err := w.findClaim(w.request("key"))
		w.wantErr(err, billing.ErrNotFound)
	}},
	{"are claimed once", func(w *world) {
		r, sub := w.claimed()
		again := r
		again.Owner, again.Fingerprint = newID(), sha256.Sum256(nil)
		w.wantErr(w.try(claim(again, sub)), billing.ErrRequestInProgress)
		w.wantErr(w.try(claim(r, sub)), billing.ErrRequestInProgress)
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"belong to their user", func(w *world) {
		mine, theirs := w.request("key"), w.request("key")
		w.must(w.try(claim(mine, newIDOf[billing.SubscriptionID]())))
		_, err := w.findClaim(theirs)
		w.wantErr(err, billing.ErrNotFound)
		w.must(w.try(claim(theirs, newIDOf[billing.SubscriptionID]())))
	}},
	{"are claimed before the user is registered", func(w *world) {
		w.must(w.try(claim(request(newIDOf[billing.UserID](), "key"), newIDOf[billing.SubscriptionID]())))
	}},
	{"make a second claim wait, which learns that it is one", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		again := r
		again.Owner = newID()
		w.wantErr(w.checkWaits(claim(r, sub), claim(again, sub)), billing.ErrRequestInProgress)
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"go to the second claim when the first fails", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		again := r
		again.Owner = newID()
		w.must(w.checkWaitsUntil(claim(r, sub), claim(again, sub), errOnPurpose))
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: again, Subscription: sub})
	}},
	{"may be claimed and given back at once", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(claim(r, sub)(ctx, tx), tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, r.Owner))
		})
		_, err := w.findClaim(r)
		w.wantErr(err, billing.ErrNotFound)
	}},
	{"are free again when their owner forgets them", func(w *world) {
		r, sub := w.claimed()
		w.forget(r, "somebody else")
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
		w.forget(r, r.Owner)
		_, err := w.findClaim(r)
		w.wantErr(err, billing.ErrNotFound)
		w.must(w.try(claim(r, sub)))
	}},
	{"may be forgotten when nobody used them", func(w *world) {
		r := w.request("key")
		w.forget(r, r.Owner)
	}},
}
