package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PersonalData stores notes on users, and erases the personal data of users.
type PersonalData interface {
	// AddNote stores a note.
	AddNote(ctx context.Context, n billing.Note) error
	// LockForErasure locks a user until the transaction ends, and returns what prevents an
	// erasure. No other transaction can add records of the user meanwhile. It returns
	// [billing.ErrNotFound] if there is no such user.
	LockForErasure(ctx context.Context, user billing.UserID) (billing.ErasureObstacles, error)
	// Erase erases the personal data of a locked user. The events, the payments and the
	// agreed terms stay. It removes all cards and payment methods. Tokens at the payment
	// systems forgetting move to [TokenRemovals].
	Erase(ctx context.Context, user billing.UserID, now time.Time, forgetting []string) (billing.Erased, error)
	// Expire erases what has been kept for long enough: see [billing.KeepingTimes].
	Expire(ctx context.Context, q ExpiryQuery) (Expired, error)
}

// ExpiryQuery selects the personal data that has been kept for long enough. It selects the
// names and contacts of the users of one page, and notes of all users.
type ExpiryQuery struct {
	Keep  billing.KeepingTimes
	Now   time.Time
	After billing.UserID // the page begins after this id; empty for the first page
	Limit int            // of users, and of notes
}

// Before returns the time before which data with a keeping time has been kept for long enough,
// or the zero time if it is kept for ever.
func (q ExpiryQuery) Before(keep time.Duration) time.Time {
	if keep == 0 {
		return time.Time{}
	}
	return q.Now.Add(-keep)
}

// Expired is the result of an [ExpiryQuery].
type Expired struct {
	Users    int            // of the page
	Last     billing.UserID // of the page; empty if it has no user
	Names    int            // users whose subject or display name was erased
	Contacts int
	Notes    int
}
