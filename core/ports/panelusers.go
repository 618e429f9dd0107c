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
	// PasswordTemporary means that another person knows the password. The user must
	// change it before anything else.
	PasswordTemporary bool
	Factor            Factor
}

// Factor is the second factor of a panel user: the key of an authenticator app. The
// zero Factor is off.
type Factor struct {
	Key      billing.Encrypted // for [FactorPlace]
	Since    time.Time         // zero if it is off
	LastStep int64             // time step of the last code that was used; earlier codes are not valid
	Recovery []RecoveryHash    // of the recovery codes that were not used
}

// On reports whether the user has a second factor.
func (f Factor) On() bool { return !f.Since.IsZero() }

// RecoveryHash is the hash of a recovery code. The code cannot be derived from it,
// because a code has 80 random bits.
type RecoveryHash [sha256.Size]byte

// FactorPlace returns the place of the key of a user's authenticator app.
func FactorPlace(user string) Place { return Place{Purpose: PurposeFactor, Row: user} }

// PanelVault encrypts the keys of authenticator apps. It also authenticates the
// tokens between the two steps of a sign-in, because no store has those.
type PanelVault interface {
	// Encrypt encrypts text for a place.
	Encrypt(at Place, text []byte) (billing.Encrypted, error)
	// Decrypt returns the plaintext of a ciphertext for this place, or
	// [ErrNotDecrypted].
	Decrypt(at Place, s billing.Encrypted) ([]byte, error)
	// MAC returns the code of text for a place.
	MAC(at Place, text []byte) ([]byte, error)
	// VerifyMAC returns [ErrNotAuthentic] unless code is the code of text for this
	// place.
	VerifyMAC(at Place, code, text []byte) error
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
	Browser   string // family of the browser, such as "Firefox, Linux"; empty if unknown
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
	// Of returns the sessions of a user, the one that was seen last first.
	Of(ctx context.Context, user string) ([]Session, error)
	// End deletes sessions, as far as they exist.
	End(ctx context.Context, keys ...SessionKey) error
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
