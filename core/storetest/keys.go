package storetest

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var keyCases = []testCase{
	{"are claimed with their request and subscription", func(w *world) {
		r, sub := w.claimedKey()
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"are not found before a claim", func(w *world) {
		_, err := w.findKey(w.request("key"))
		w.wantErr(err, billing.ErrNotFound)
	}},
	{"are claimed once", func(w *world) {
		r, sub := w.claimedKey()
		second := r
		second.Owner, second.Fingerprint = newID(), sha256.Sum256(nil)
		w.wantErr(w.try(claimKey(second, sub)), billing.ErrRequestInProgress)
		w.wantErr(w.try(claimKey(r, sub)), billing.ErrRequestInProgress)
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"belong to their user", func(w *world) {
		mine, theirs := w.request("key"), w.request("key")
		w.must(w.try(claimKey(mine, newIDOf[billing.SubscriptionID]())))
		_, err := w.findKey(theirs)
		w.wantErr(err, billing.ErrNotFound)
		w.must(w.try(claimKey(theirs, newIDOf[billing.SubscriptionID]())))
	}},
	{"are claimed before the user is registered", func(w *world) {
		w.must(w.try(claimKey(request(newIDOf[billing.UserID](), "key"), newIDOf[billing.SubscriptionID]())))
	}},
	{"block a second claim, which then fails", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		second := r
		second.Owner = newID()
		w.wantErr(w.wantBlocked(claimKey(r, sub), claimKey(second, sub)), billing.ErrRequestInProgress)
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"go to the second claim when the first fails", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		second := r
		second.Owner = newID()
		w.must(w.wantBlockedUntil(claimKey(r, sub), claimKey(second, sub), errOnPurpose))
		w.wantKey(r, ports.KeyRecord{KeyedRequest: second, Subscription: sub})
	}},
	{"may be claimed and forgotten in one transaction", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(claimKey(r, sub)(ctx, tx), tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, r.Owner))
		})
		_, err := w.findKey(r)
		w.wantErr(err, billing.ErrNotFound)
	}},
	{"are forgotten by their owner only", func(w *world) {
		r, sub := w.claimedKey()
		w.forget(r, "another owner")
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
		w.forget(r, r.Owner)
		_, err := w.findKey(r)
		w.wantErr(err, billing.ErrNotFound)
		w.must(w.try(claimKey(r, sub)))
	}},
	{"may be forgotten without a claim", func(w *world) {
		r := w.request("key")
		w.forget(r, r.Owner)
	}},
}
