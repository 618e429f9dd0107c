package operators

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// PanelAuth manages the accounts and sessions of the panel. It uses the wall clock,
// because the test clock must not move authentication.
type PanelAuth struct {
	Store     ports.Store
	Wall      ports.Clock
	NewID     func() string
	Passwords ports.Passwords
}

// A session ends after SessionIdle without a request, and after SessionMax in any
// case. The time of its last request is stored to the minute.
const (
	SessionIdle = 2 * time.Hour
	SessionMax  = 12 * time.Hour
	seenStep    = time.Minute
)

// After freeFailures wrong passwords in a row a user is locked out for
// shortestLock. Each further wrong password doubles the time, up to longestLock.
const (
	freeFailures  = 5
	shortestLock  = time.Minute
	longestLock   = time.Hour
	minPassword   = 12 // characters
	maxPassword   = 72 // bytes; bcrypt ignores the rest
	maxPanelName  = 64
	panelNameRule = "must be 1 to 64 characters: letters, digits and . _ @ -"
)

// ErrSignIn is returned for every refused sign-in, so that the cause stays secret.
var ErrSignIn = &billing.Error{
	Kind: billing.Forbidden, Code: "sign_in_failed",
	Message: "wrong name or password, or too many attempts; wait a minute before the next one",
}

// ErrSignedOut is returned if the session does not exist or has ended.
var ErrSignedOut = &billing.Error{Kind: billing.Forbidden, Code: "signed_out", Message: "please sign in"}

// SignIn starts a session and returns its token. It returns [ErrSignIn] if the
// sign-in is refused, after the same time whatever the cause.
func (a PanelAuth) SignIn(ctx context.Context, name, password, from string) (token string, err error) {
	u, err := a.find(ctx, name)
	if err != nil {
		return "", err
	}
	if lockedOut(u, a.Wall.Now()) { // as slow as a wrong password, even with the right one
		a.Passwords.Matches(billing.Secret{}, password)
		return "", ErrSignIn
	}
	matched := len(password) <= maxPassword && a.Passwords.Matches(u.PasswordHash, password)
	token = rand.Text() + rand.Text()
	refused := false
	err = a.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		refused, err = a.admit(ctx, tx, u, matched, keyOfToken(token), from)
		return err
	})
	if err == nil && refused {
		err = ErrSignIn
	}
	return token, wrap(err, "sign in")
}

// find returns the user with this name, or the zero PanelUser.
func (a PanelAuth) find(ctx context.Context, name string) (u ports.PanelUser, err error) {
	if !validPanelName(name) {
		return ports.PanelUser{}, nil
	}
	err = a.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		u, err = tx.PanelUsers.Lock(ctx, name)
		return ignore(err, billing.ErrNotFound)
	})
	return u, wrap(err, "sign in")
}

// admit starts the session if the user may still sign in. It reads the user again
// under lock, because other attempts ran while the password was hashed.
func (a PanelAuth) admit(ctx context.Context, tx ports.Repos, seen ports.PanelUser, matched bool, key ports.SessionKey, from string) (refused bool, err error) {
	if seen.ID == "" {
		return true, nil
	}
	u, err := tx.PanelUsers.Lock(ctx, seen.Name)
	if err != nil {
		return true, ignore(err, billing.ErrNotFound)
	}
	now := a.Wall.Now()
	if lockedOut(u, now) || !u.PasswordHash.Equal(seen.PasswordHash) {
		return true, nil
	}
	by := Operator{Name: u.Name, Role: u.Role, From: from}
	if !matched || !u.DisabledAt.IsZero() {
		return true, a.fail(ctx, tx, u, by, now)
	}
	u.Failures, u.LockedUntil = 0, time.Time{}
	if err := tx.PanelUsers.Save(ctx, u); err != nil {
		return true, err
	}
	if err := tx.Sessions.Prune(ctx, now.Add(-SessionIdle), now.Add(-SessionMax)); err != nil {
		return true, err
	}
	if err := tx.Sessions.Add(ctx, ports.Session{Key: key, UserID: u.ID, CreatedAt: now, SeenAt: now, From: from}); err != nil {
		return true, err
	}
	return false, a.audit(ctx, tx, by, PanelUserSignedIn, u, nil, nil)
}

// fail counts a wrong password, and locks the user out after too many.
func (a PanelAuth) fail(ctx context.Context, tx ports.Repos, u ports.PanelUser, by Operator, now time.Time) error {
	u.Failures++
	over := u.Failures - freeFailures
	if over < 0 {
		return tx.PanelUsers.Save(ctx, u)
	}
	u.LockedUntil = now.Add(min(shortestLock<<min(over, 10), longestLock))
	if err := tx.PanelUsers.Save(ctx, u); err != nil {
		return err
	}
	return a.audit(ctx, tx, by, PanelUserLockedOut, u, nil, ports.Facts{"locked_until": timeFact(u.LockedUntil)})
}

func lockedOut(u ports.PanelUser, now time.Time) bool { return now.Before(u.LockedUntil) }

// Resume returns the operator of a session and the chosen language. It returns
// [ErrSignedOut] if the session has ended.
func (a PanelAuth) Resume(ctx context.Context, token, from string) (op Operator, language string, err error) {
	key, now := keyOfToken(token), a.Wall.Now()
	over := false
	err = a.Store.InTx(ctx, func(tx ports.Repos) error {
		s, u, err := tx.Sessions.Find(ctx, key)
		if over = err != nil; over {
			return ignore(err, billing.ErrNotFound)
		}
		if over = sessionOver(s, now) || !u.DisabledAt.IsZero(); over {
			return tx.Sessions.End(ctx, key)
		}
		op, language = Operator{u.Name, u.Role, from}, u.Language
		if now.Sub(s.SeenAt) < seenStep {
			return nil
		}
		return tx.Sessions.Seen(ctx, key, now)
	})
	if err == nil && over {
		err = ErrSignedOut
	}
	return op, language, wrap(err, "session")
}

func sessionOver(s ports.Session, now time.Time) bool {
	return now.Sub(s.SeenAt) >= SessionIdle || now.Sub(s.CreatedAt) >= SessionMax
}

// SignOut ends a session.
func (a PanelAuth) SignOut(ctx context.Context, token string) error {
	return a.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Sessions.End(ctx, keyOfToken(token)) })
}

func keyOfToken(token string) ports.SessionKey { return sha256.Sum256([]byte(token)) }

func validPanelName(name string) bool {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@-", r)
	}
	return name != "" && len(name) <= maxPanelName && strings.TrimFunc(name, allowed) == "" &&
		!strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) })
}

func checkPassword(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return invalid("password", "must be at least 12 characters")
	case len(password) > maxPassword:
		return invalid("password", "must be at most 72 bytes")
	case strings.Trim(password, password[:1]) == "" || strings.Contains(strings.ToLower(password), strings.ToLower(name)) && len(name) > 3:
		return invalid("password", "is too easy to guess")
	default:
		return nil
	}
}

func invalid(field, message string) error {
	return &billing.InvalidError{Faults: []billing.Fault{{Field: field, Message: message}}}
}
