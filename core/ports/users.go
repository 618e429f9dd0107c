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
	// Identify is Seen for the user u of an access token, of whom it uses the id, the
	// subject and the display name. A user without a subject gets the token's. A display
	// name replaces the stored one; an empty one leaves it. Identify returns
	// ErrOtherSubject, and changes nothing, if the user has another subject.
	Identify(ctx context.Context, now time.Time, u billing.User) error
	// Lock locks the user until the transaction ends. Other calls for the same user
	// wait.
	Lock(ctx context.Context, id billing.UserID) error
}
