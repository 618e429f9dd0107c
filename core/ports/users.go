package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// ErrOtherSubject means that the user id belongs to another subject. One subject may
// be the UUID that the id of another is derived as.
var ErrOtherSubject = errors.New("the user id belongs to another subject")

// Users keeps the registry of users.
type Users interface {
	// Seen stores the users who are new, and moves LastSeenAt of the others forward to
	// now. A store may skip a move of less than a minute.
	Seen(ctx context.Context, now time.Time, ids ...billing.UserID) error
	// Identify is Seen for the user of an access token. A user without a subject gets
	// the token's. Identify returns ErrOtherSubject, and changes nothing, if the user
	// has another subject.
	Identify(ctx context.Context, now time.Time, id billing.UserID, subject string) error
	// Lock locks the user until the transaction ends. Other calls for the same user
	// wait.
	Lock(ctx context.Context, id billing.UserID) error
}
