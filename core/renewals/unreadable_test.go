package renewals_test

import (
	"context"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// lostKeyStore cannot decrypt the payment token of one user.
type lostKeyStore struct {
	ports.Store
	user billing.UserID
}

func (s lostKeyStore) hide(d ports.Due) ports.Due {
	if d.UserID == s.user {
		d.Method.Token, d.Method.Unreadable = billing.Secret{}, true
	}
	return d
}

func (s lostKeyStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Due = lostKeyDue{tx.Due, s}
		return f(tx)
	})
}

func (s lostKeyStore) Views() ports.Views {
	v := s.Store.Views()
	v.DueViews = lostKeyViews{v.DueViews, s}
	return v
}

type lostKeyDue struct {
	ports.DueSubscriptions
	s lostKeyStore
}

func (r lostKeyDue) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	list, err := r.DueSubscriptions.LockDue(ctx, q)
	for i := range list {
		list[i] = r.s.hide(list[i])
	}
	return list, err
}

type lostKeyViews struct {
	ports.DueViews
	s lostKeyStore
}

func (v lostKeyViews) Due(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	return v.DueViews.Due(ctx, q, func(d ports.Due) error { return each(v.s.hide(d)) })
}

// A token that cannot be decrypted is a fault of the operator, who may restore the key.
// The dry run says what the run does, the subscription does not end, and the run does
// not wait for a payment that it cannot send.
func TestRun_TokenUnreadable(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(3)
		w.Clock.Advance(billingtest.Month)
		r := w.RenewerOver(lostKeyStore{w.Store, users[0]}, w.Provider)
		var refused []billing.UserID
		if err := r.Plan(w.T.Context(), func(d renewals.Decision) error {
			if d.Obstacle == renewals.TokenUnreadable {
				refused = append(refused, d.UserID)
			}
			return nil
		}); err != nil {
			w.T.Fatal(err)
		}
		if len(refused) != 1 || refused[0] != users[0] {
			w.T.Errorf("the plan refuses %v, want %s", refused, users[0])
		}
		w.expectRunOf(r, ports.Summary{Due: 3, Renewed: 2, Failed: 1}, nil)
		w.expectAll(users, billing.StatusActive)
		w.expectRun(ports.Summary{Due: 1, Renewed: 1}) // the key is back
		w.expectPaid(users, 2)
	})
}
