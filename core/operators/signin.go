package operators

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var (
	// ErrSignIn is returned for every sign-in that fails, so that the cause stays
	// secret.
	ErrSignIn = &billing.Error{
		Kind: billing.Forbidden, Code: "sign_in_failed",
		Message: "wrong name or password, or too many attempts; wait a minute before the next one",
	}
	// ErrTooManySignIns is returned for a sign-in that was not tried.
	ErrTooManySignIns = &billing.Error{
		Kind: billing.Limited, Code: "too_many_sign_ins", Message: "too many attempts to sign in; wait a minute before the next one",
	}
)

// SignIn is an attempt to sign in.
type SignIn struct {
	Name, Password string
	From           string // IP address
	Device         string // token of an earlier sign-in of the browser; empty if it has none
}

// SignedIn is a new session.
type SignedIn struct {
	Token  string // of the session
	Device string // token for the next sign-in of the browser
}

// SignIn starts a session. It returns [ErrSignIn] if the sign-in fails, and
// [ErrTooManySignIns] if [Throttle] does not admit it. Every attempt that is
// admitted compares exactly one hash and takes two transactions, whether the
// account exists or not.
func (a PanelAuth) SignIn(ctx context.Context, s SignIn) (SignedIn, error) {
	u, err := a.find(ctx, s.Name)
	if err != nil {
		return SignedIn{}, err
	}
	o := originOf(s, u, a.Wall.Now())
	leave, err := a.Throttle.enter(ctx, o, a.Wall.Now())
	if err != nil {
		return SignedIn{}, err
	}
	matched := a.matches(u, s.Password, leave)
	v := a.Throttle.conclude(o, matched && u.DisabledAt.IsZero(), a.Wall.Now())
	done := SignedIn{Token: rand.Text() + rand.Text(), Device: newDeviceToken(u, a.Wall.Now())}
	err = a.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		if v.admitted {
			return a.startSession(ctx, tx, u, keyOfToken(done.Token), s.From)
		}
		return a.recordFailure(ctx, tx, u, v, s.From)
	})
	if err == nil && !v.admitted {
		err = ErrSignIn
	}
	if err != nil {
		return SignedIn{}, wrap(err, "sign in")
	}
	return done, nil
}

// find returns the user with this name, or the zero PanelUser.
func (a PanelAuth) find(ctx context.Context, name string) (ports.PanelUser, error) {
	if !validPanelName(name) {
		name = "" // no account has this name; look it up as any other
	}
	u, err := ports.InTx(ctx, a.Store, func(tx ports.Repos) (ports.PanelUser, error) {
		u, err := tx.PanelUsers.Lock(ctx, name)
		return u, ignore(err, billing.ErrNotFound)
	})
	return u, wrap(err, "sign in")
}

// matches compares a password with the user's, or with none, and then calls done.
// A password that is too long is compared too, as far as bcrypt would, but never
// matches.
func (a PanelAuth) matches(u ports.PanelUser, password string, done func()) bool {
	defer done()
	matched := a.Passwords.Matches(u.PasswordHash, password[:min(len(password), maxPassword)])
	return matched && len(password) <= maxPassword
}

// originOf returns the origin of a sign-in. The account's key changes with its
// password, so that a new password ends all refusals.
func originOf(s SignIn, u ports.PanelUser, now time.Time) origin {
	account := sha256.Sum256([]byte(s.Name + "\x00" + u.PasswordHash.Reveal()))
	return origin{
		account: hex.EncodeToString(account[:]), exists: u.ID != "",
		network: networkOf(s.From), device: deviceOf(u, s.Device, now),
	}
}

// networkOf returns an IPv4 address, or the /64 of an IPv6 address: a single client
// can choose any address of it.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // the length is valid
	return prefix.String()
}

// startSession adds the session if the user has not changed since the password was
// compared. Otherwise it returns [ErrSignIn].
func (a PanelAuth) startSession(ctx context.Context, tx ports.Repos, seen ports.PanelUser, key ports.SessionKey, from string) error {
	u, err := tx.PanelUsers.Lock(ctx, seen.Name)
	if err != nil {
		return err
	}
	if !u.PasswordHash.Equal(seen.PasswordHash) || !u.DisabledAt.IsZero() {
		return ErrSignIn
	}
	now := a.Wall.Now()
	u.Failures, u.LockedUntil = 0, time.Time{}
	if err := tx.PanelUsers.Save(ctx, u); err != nil {
		return err
	}
	if err := tx.Sessions.Prune(ctx, now.Add(-SessionIdle), now.Add(-SessionMax)); err != nil {
		return err
	}
	if err := tx.Sessions.Add(ctx, ports.Session{Key: key, UserID: u.ID, CreatedAt: now, SeenAt: now, From: from}); err != nil {
		return err
	}
	return a.audit(ctx, tx, Operator{Name: u.Name, From: from}, PanelUserSignedIn, u, nil, nil)
}

// recordFailure stores and audits a failed sign-in. The typed name of an account
// that does not exist is not stored, because it may be a password.
func (a PanelAuth) recordFailure(ctx context.Context, tx ports.Repos, seen ports.PanelUser, v verdict, from string) error {
	u, err := tx.PanelUsers.Lock(ctx, seen.Name)
	if err = ignore(err, billing.ErrNotFound); err != nil {
		return err
	}
	if u.ID != "" && v.counted {
		u.Failures++
		u.LockedUntil = latest(u.LockedUntil, v.refused)
		if err := tx.PanelUsers.Save(ctx, u); err != nil {
			return err
		}
	}
	by := Operator{Name: Anonymous, From: from}
	if v.audited {
		if err := a.audit(ctx, tx, by, PanelUserSignInFailed, u, nil, ports.Facts{"failures": strconv.Itoa(u.Failures)}); err != nil {
			return err
		}
	}
	if v.audited && !v.refused.IsZero() {
		return a.audit(ctx, tx, by, PanelUserLockedOut, u, nil, ports.Facts{"locked_until": timeFact(v.refused)})
	}
	return nil
}
