package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type cards struct{ *tx }

func (r cards) Same(_ context.Context, user billing.UserID, f billing.Fingerprint) (billing.Card, error) {
	for _, c := range r.cards {
		if c.UserID == user && c.Fingerprint == f && c.RemovedAt.IsZero() {
			return copyCard(c), nil
		}
	}
	return billing.Card{}, billing.ErrNotFound
}

func (r cards) Find(_ context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	c, ok := r.cards[id]
	if !ok || c.UserID != user {
		return billing.Card{}, billing.ErrCardNotFound
	}
	return copyCard(c), nil
}

// Lock equals Find, because transactions run one at a time.
func (r cards) Lock(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	return r.Find(ctx, user, id)
}

func (r cards) Add(ctx context.Context, c billing.Card) error {
	if _, err := r.Same(ctx, c.UserID, c.Fingerprint); err == nil {
		return r.abort(billing.ErrAlreadyExists)
	}
	r.cards[c.ID] = copyCard(c)
	return nil
}

func (r cards) Save(_ context.Context, c billing.Card) error {
	old, ok := r.cards[c.ID]
	if !ok || old.UserID != c.UserID {
		return fmt.Errorf("save card %s: not found", c.ID)
	}
	c.Number, c.Fingerprint = old.Number, old.Fingerprint
	if !c.RemovedAt.IsZero() {
		c.Number, c.Fingerprint = billing.Encrypted{}, billing.Fingerprint{}
	}
	r.cards[c.ID] = c
	return nil
}

func (r cards) Added(_ context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error) {
	var times []time.Time
	for _, c := range r.cards {
		if c.UserID == user {
			times = append(times, c.CreatedAt)
		}
	}
	return newest(times, since, limit), nil
}

func (r cards) Linked(_ context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error) {
	var times []time.Time
	for _, m := range r.methods {
		if m.UserID == user && m.CardID == "" {
			times = append(times, m.CreatedAt)
		}
	}
	return newest(times, since, limit), nil
}

func (r cards) Declined(_ context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error) {
	return r.declined(user, since, limit), nil
}

func (s *state) declined(user billing.UserID, since time.Time, limit int) []time.Time {
	var times []time.Time
	for _, p := range s.payments {
		counts := p.Status == billing.PaymentDeclined || p.Status == billing.PaymentPending
		if p.UserID == user && counts && p.Initiator == billing.CustomerInitiated {
			times = append(times, p.CreatedAt)
		}
	}
	return newest(times, since, limit)
}

func newest(times []time.Time, since time.Time, limit int) []time.Time {
	times = slices.DeleteFunc(times, func(t time.Time) bool { return !t.After(since) })
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times[:min(limit, len(times))]
}

func (v views) Card(_ context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	c, ok := v.state().cards[id]
	if !ok || c.UserID != user || !c.RemovedAt.IsZero() {
		return billing.Card{}, billing.ErrCardNotFound
	}
	return copyCard(c), nil
}

func (v views) Cards(_ context.Context, user billing.UserID, p ports.Page) ([]billing.Card, error) {
	var list []billing.Card
	for _, c := range v.state().cards {
		if c.UserID == user && c.RemovedAt.IsZero() {
			list = append(list, copyCard(c))
		}
	}
	return page(list, p, func(c billing.Card) string { return string(c.ID) }), nil
}

// copyCard returns a deep copy, so that callers cannot change stored data.
func copyCard(c billing.Card) billing.Card {
	c.Number.Ciphertext = slices.Clone(c.Number.Ciphertext)
	return c
}
