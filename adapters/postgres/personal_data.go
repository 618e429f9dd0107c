package postgres

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// personalData implements [ports.PersonalData].
type personalData struct {
	q  *dbgen.Queries
	tx tx
}

func (r personalData) AddNote(ctx context.Context, n billing.Note) error {
	return r.q.NoteAdd(ctx, dbgen.NoteAddParams{
		UserID: string(n.UserID), ID: string(n.ID), Text: n.Text, WrittenBy: n.By, CreatedAt: n.CreatedAt,
	})
}

func (r personalData) LockForErasure(ctx context.Context, user billing.UserID) (billing.ErasureObstacles, error) {
	if _, err := r.q.UserLockForErasure(ctx, string(user)); err != nil {
		return billing.ErasureObstacles{}, orNotFound(err, billing.ErrNotFound)
	}
	row, err := r.q.ErasureObstacles(ctx, string(user))
	if err != nil {
		return billing.ErasureObstacles{}, err
	}
	return billing.ErasureObstacles{
		Live: int(row.Live), Payments: int(row.Payments), Refunds: int(row.Refunds), Receipts: int(row.Receipts), Saves: int(row.Saves),
	}, nil
}

func (r personalData) Erase(ctx context.Context, user billing.UserID, now time.Time, forgetting []string) (billing.Erased, error) {
	id := string(user)
	names, err := r.q.EraseNames(ctx, id)
	if err != nil {
		return billing.Erased{}, orNotFound(err, billing.ErrNotFound)
	}
	queued := r.tx.queue() // in order: the tokens that can be forgotten come before the methods
	err = errors.Join(queued.EraseTokensForgotten(ctx, id, forgetting), queued.EraseSavedMethods(ctx, id), queued.ErasePages(ctx, id), queued.EraseResponses(ctx, id))
	if err != nil {
		return billing.Erased{}, err
	}
	e := billing.Erased{Subject: names.Subject, Display: names.Display}
	for _, step := range []struct {
		erased *int
		run    func() (int64, error)
	}{
		{&e.Notes, func() (int64, error) { return r.q.EraseNotes(ctx, id) }},
		{&e.Contacts, func() (int64, error) { return r.q.EraseContacts(ctx, id) }},
		{&e.Cards, func() (int64, error) { return r.q.EraseCards(ctx, now, id) }},
		{&e.Methods, func() (int64, error) { return r.q.EraseMethods(ctx, now, id) }},
	} {
		n, err := step.run()
		if err != nil {
			return billing.Erased{}, err
		}
		*step.erased = int(n)
	}
	return e, nil
}

func (r personalData) Expire(ctx context.Context, q ports.ExpiryQuery) (ports.Expired, error) {
	row, err := r.q.ExpirePage(ctx, dbgen.ExpirePageParams{
		AfterID: cmp.Or(string(q.After), minID), Take: int32(q.Limit),
		SubjectBefore: q.Before(q.Keep.Subject), DisplayBefore: q.Before(q.Keep.Display), ContactBefore: q.Before(q.Keep.Contact),
	})
	if err != nil {
		return ports.Expired{}, err
	}
	x := ports.Expired{Users: int(row.Users), Last: billing.UserID(row.Last), Names: int(row.Names), Contacts: int(row.Contacts)}
	if q.Keep.Notes > 0 {
		n, err := r.q.ExpireNotes(ctx, q.Before(q.Keep.Notes), int32(q.Limit))
		if err != nil {
			return ports.Expired{}, err
		}
		x.Notes = int(n)
	}
	return x, nil
}

// Notes implements [ports.UserViews].
func (v panelViews) Notes(ctx context.Context, user billing.UserID, limit int) ([]billing.Note, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.UserNote, error) {
		return v.q.PanelViewNotes(ctx, string(user), int32(limit))
	}, func(row *dbgen.UserNote) billing.Note {
		return billing.Note{
			ID: billing.NoteID(row.ID), UserID: billing.UserID(row.UserID), Text: row.Text, By: row.WrittenBy, CreatedAt: row.CreatedAt,
		}
	})
}
