package ports

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PanelUser is a person who may sign in at the panel.
type PanelUser struct {
	ID           string
	Name         string
	Role         Role
	PasswordHash billing.Secret
	Language     string // empty until chosen
	CreatedAt    time.Time
	DisabledAt   time.Time // zero while they may sign in
	Failures     int       // wrong passwords in a row
	LockedUntil  time.Time // zero unless there were too many
}

// SessionKey is what is kept of a session's token: nobody who reads it can use it.
type SessionKey [sha256.Size]byte

// Session is a signed-in person.
type Session struct {
	Key       SessionKey
	UserID    string
	CreatedAt time.Time
	SeenAt    time.Time
	From      string
}

// PanelUsers keeps the people of the panel.
type PanelUsers interface {
	// Lock locks and returns the person with this name. [billing.ErrNotFound]
	// when there is none.
	Lock(ctx context.Context, name string) (PanelUser, error)
	// Add adds a person. [billing.ErrAlreadyExists] when the name is taken.
	Add(ctx context.Context, u PanelUser) error
	// Save writes a person who was locked.
	Save(ctx context.Context, u PanelUser) error
	// List lists all, by name.
	List(ctx context.Context) ([]PanelUser, error)
}

// Sessions keeps who is signed in.
type Sessions interface {
	Add(ctx context.Context, s Session) error
	// Find returns a session and whose it is. [billing.ErrNotFound] when there is
	// none.
	Find(ctx context.Context, k SessionKey) (Session, PanelUser, error)
	Seen(ctx context.Context, k SessionKey, at time.Time) error
	End(ctx context.Context, k SessionKey) error
	// EndAll ends every session of a person.
	EndAll(ctx context.Context, user string) error
	// Prune removes sessions that were seen last, or begun, before these times.
	Prune(ctx context.Context, seen, begun time.Time) error
}

// Passwords hashes passwords, slowly.
type Passwords interface {
	Hash(password string) (billing.Secret, error)
	// Matches takes as long for no hash at all as for any, and is false then.
	Matches(hash billing.Secret, password string) bool
}
