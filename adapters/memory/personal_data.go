package memory

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type personalData struct{ *tx }

func (r personalData) AddNote(_ context.Context, n billing.Note) error {
	r.notes[n.ID] = n
	return nil
}

func (r personalData) LockForErasure(_ context.Context, user billing.UserID) (billing.ErasureObstacles, error) {
	if _, ok := r.users[user]; !ok {
		return billing.ErasureObstacles{}, billing.ErrNotFound
	}
	return r.obstacles(user), nil
}

func (s *state) obstacles(user billing.UserID) (o billing.ErasureObstacles) {
	for _, sub := range s.subscriptions {
		o.Live += one(sub.UserID == user && sub.Live())
	}
	for _, p := range s.payments {
		o.Payments += one(p.UserID == user && (!p.Settled() || !p.recheckAt.IsZero()))
	}
	for _, f := range s.refunds {
		o.Refunds += one(f.UserID == user && !f.Settled())
	}
	for _, c := range s.receipts {
		o.Receipts += one(c.UserID == user && !c.Settled())
	}
	for _, m := range s.saves {
		o.Saves += one(m.UserID == user && !m.Settled())
	}
	return o
}

func one(counts bool) int {
	if counts {
		return 1
	}
	return 0
}

func (r personalData) Erase(ctx context.Context, user billing.UserID, now time.Time, forgetting []string) (billing.Erased, error) {
	u, ok := r.users[user]
	if !ok {
		return billing.Erased{}, billing.ErrNotFound
	}
	e := billing.Erased{Subject: u.Subject != "", Display: !u.Display.IsZero()}
	u.Subject, u.Display = "", billing.Secret{}
	r.users[user] = u
	for id, n := range r.notes {
		if n.UserID == user {
			delete(r.notes, id)
			e.Notes++
		}
	}
	e.Contacts = r.eraseContacts(user)
	for id, c := range r.cards {
		if c.UserID != user || c.Last4 == "" && c.Holder == "" {
			continue
		}
		if c.RemovedAt.IsZero() {
			c.RemovedAt = now
		}
		c.Number, c.Fingerprint, c.Last4, c.Holder = billing.Encrypted{}, billing.Fingerprint{}, "", ""
		r.cards[id] = c
		e.Cards++
	}
	for id, m := range r.methods {
		if m.UserID != user || !m.RemovedAt.IsZero() && m.Token.IsZero() {
			continue
		}
		if slices.Contains(forgetting, m.PaymentSystem) {
			if err := (tokenRemovals(r)).Add(ctx, m); err != nil {
				return e, err
			}
		}
		if m.RemovedAt.IsZero() {
			m.RemovedAt, r.removedWith[id] = now, string(id)
		}
		m.Token = billing.Secret{}
		r.methods[id] = m
		e.Methods++
	}
	for id, s := range r.saves {
		if s.UserID == user {
			s.ReturnURL, s.ProviderRef, s.ActionURL, s.Last4 = "", "", "", ""
			r.saves[id] = s
		}
	}
	for id, p := range r.payments {
		if p.UserID == user && p.Settled() {
			p.ActionURL = ""
			r.payments[id] = p
		}
	}
	for key, k := range r.keys {
		if key.user == user && k.Response != nil {
			k.Response = &ports.Response{Status: k.Response.Status, Body: []byte{}}
			r.keys[key] = k
		}
	}
	return e, nil
}

func (s *state) eraseContacts(user billing.UserID) (n int) {
	for id, c := range s.allContacts {
		if c.UserID == user && !c.Contact.IsZero() {
			c.Contact = billing.Contact{}
			s.allContacts[id] = c
			n++
		}
	}
	if c, ok := s.contacts[user]; ok {
		c.Contact = billing.Contact{}
		s.contacts[user] = c
	}
	return n
}

func (r personalData) Expire(_ context.Context, q ports.ExpiryQuery) (ports.Expired, error) {
	var ids []billing.UserID
	for id := range r.users {
		if id > q.After {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = ids[:min(q.Limit, len(ids))]
	x := ports.Expired{Users: len(ids)}
	for _, id := range ids {
		x.Last = id
		if r.obstacles(id) == (billing.ErasureObstacles{}) {
			r.expire(id, q, &x)
		}
	}
	for id, n := range r.notes {
		if x.Notes < q.Limit && n.CreatedAt.Before(q.Before(q.Keep.Notes)) {
			delete(r.notes, id)
			x.Notes++
		}
	}
	return x, nil
}

func (r personalData) expire(id billing.UserID, q ports.ExpiryQuery, x *ports.Expired) {
	u := r.users[id]
	since := u.LastSeenAt
	for _, s := range r.subscriptions {
		if s.UserID == id && s.EndedAt.After(since) {
			since = s.EndedAt
		}
	}
	over := func(keep time.Duration) bool { return since.Before(q.Before(keep)) }
	subject, display := over(q.Keep.Subject) && u.Subject != "", over(q.Keep.Display) && !u.Display.IsZero()
	if subject {
		u.Subject = ""
	}
	if display {
		u.Display = billing.Secret{}
	}
	r.users[id] = u
	x.Names += one(subject || display)
	if over(q.Keep.Contact) {
		x.Contacts += r.eraseContacts(id)
	}
}
