package ports

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PanelUser is an account of the admin panel.
type PanelUser struct {
	ID           string
	Name         string
	Role         Role
	PasswordHash billing.Secret
	Language     string // empty until the user chooses one
	CreatedAt    time.Time
	DisabledAt   time.Time // zero while the account is enabled
	Failures     int       // failed sign-ins since the last success
	LockedUntil  time.Time // the account refuses some network or device until then; zero if it never did since the last success
}

// SessionKey is the hash of a session's token. The token cannot be derived from it.
type SessionKey [sha256.Size]byte

// Session is a signed-in browser of a panel user.
type Session struct {
	Key       SessionKey
	UserID    string
	CreatedAt time.Time
	SeenAt    time.Time
	From      string // IP address at sign-in
}

// PanelUsers stores the accounts of the panel.
type PanelUsers interface {
	// Lock locks and returns the user with this name, or returns
	// [billing.ErrNotFound].
	Lock(ctx context.Context, name string) (PanelUser, error)
	// Add adds a user. It returns [billing.ErrAlreadyExists] if the name is taken.
	Add(ctx context.Context, u PanelUser) error
	// Save updates a locked user.
	Save(ctx context.Context, u PanelUser) error
	// List returns all users by name.
	List(ctx context.Context) ([]PanelUser, error)
}

// Sessions stores the sessions of panel users.
type Sessions interface {
	// Add adds a session.
	Add(ctx context.Context, s Session) error
	// Find returns a session and its user, or [billing.ErrNotFound].
	Find(ctx context.Context, k SessionKey) (Session, PanelUser, error)
	// Seen sets the time of the session's last request.
	Seen(ctx context.Context, k SessionKey, at time.Time) error
	// End deletes a session, if it exists.
	End(ctx context.Context, k SessionKey) error
	// EndAll deletes all sessions of a user.
	EndAll(ctx context.Context, user string) error
	// Prune deletes sessions that were last seen before seen, or created before
	// begun.
	Prune(ctx context.Context, seen, begun time.Time) error
}

// Passwords hashes passwords with a slow function.
type Passwords interface {
	// Hash returns the hash of a password.
	Hash(password string) (billing.Secret, error)
	// Matches reports whether hash is the password's. Without a hash it returns
	// false, after the same time as with one.
	Matches(hash billing.Secret, password string) bool
}
