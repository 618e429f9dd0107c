package operators

import (
	"context"
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
	Browser        string // family of the browser; empty if unknown
	Device         string // token of an earlier sign-in of the browser; empty if it has none
}

// SignedIn is a new session, or the first step to one.
type SignedIn struct {
	Token  string // of the session; empty if a code is needed first
	Device string // token for the next sign-in of the browser
	// Step is the token for [PanelAuth.ConfirmCode]. It is empty unless the user has a
	// second factor.
	Step string
}

// SignIn starts a session. If the user has a second factor, it returns the token of
// the second step instead, and starts no session. It returns [ErrSignIn] if the sign-in
// fails, and [ErrTooManySignIns] if [Throttle] does not admit it. Every attempt that
// is admitted compares exactly one hash. A failure takes two transactions, whether the
// account exists or not.
func (a PanelAuth) SignIn(ctx context.Context, s SignIn) (done SignedIn, err error) {
	defer func() { a.report(done, err, SignInPasswordRefused) }()
	u, err := a.find(ctx, s.Name)
	if err != nil {
		return SignedIn{}, err
	}
	o := originOf(stepPassword, s, u, a.Wall.Now())
	err = a.attempt(ctx, o, u, s.From, func() bool { return a.matches(u, s.Password) })
	if err != nil {
		return SignedIn{}, wrap(err, "sign in")
	}
	if u.Factor.On() {
		step, err := a.newStepToken(u)
		return SignedIn{Step: step}, wrap(err, "sign in %s", u.Name)
	}
	return a.admit(ctx, u, client{s.From, s.Browser}, nil)
}

// attempt compares a password or a code by matches, as often as [Throttle] admits it.
// It stores a failure, and returns [ErrSignIn] or [ErrTooManySignIns].
func (a PanelAuth) attempt(ctx context.Context, o origin, u ports.PanelUser, from string, matches func() bool) error {
	leave, err := a.Throttle.enter(ctx, o, a.Wall.Now())
	if err != nil {
		return err
	}
	matched := func() bool { defer leave(); return matches() }()
	v := a.Throttle.conclude(o, matched && u.DisabledAt.IsZero(), a.Wall.Now())
	if v.admitted {
		return nil
	}
	err = a.Store.InTx(ctx, func(tx ports.Repos) error { return a.recordFailure(ctx, tx, u, o.step, v, from) })
	if err == nil {
		err = ErrSignIn
	}
	return err
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

// matches compares a password with the user's, or with none. A password that is too
// long is compared too, as far as bcrypt would, but never matches.
func (a PanelAuth) matches(u ports.PanelUser, password string) bool {
	matched := a.Passwords.Matches(u.PasswordHash, password[:min(len(password), maxPassword)])
	return matched && len(password) <= maxPassword
}

// step is a kind of attempt. Each kind has its own counts of failures, so that a right
// password does not reset those of codes.
type step string

const (
	stepPassword step = ""
	stepCode     step = "code"         // the second step of a sign-in
	stepConfirm  step = "confirmation" // of a change of the own account
)

// originOf returns the origin of an attempt. The account's key changes with its
// password, so that a new password ends all refusals.
func originOf(kind step, s SignIn, u ports.PanelUser, now time.Time) origin {
	text := s.Name + "\x00" + u.PasswordHash.Reveal()
	if kind != stepPassword {
		text = string(kind) + "\x00" + text
	}
	account := sha256.Sum256([]byte(text))
	return origin{
		account: hex.EncodeToString(account[:]), exists: u.ID != "", step: kind,
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
// compared. If the user has a second factor, use takes a code from it. Otherwise
// startSession returns [ErrSignIn].
func (a PanelAuth) startSession(
	ctx context.Context, tx ports.Repos, seen ports.PanelUser, s ports.Session, use func(ports.Factor) (ports.Factor, string, bool),
) error {
	u, err := tx.PanelUsers.Lock(ctx, seen.Name)
	if err != nil {
		return err
	}
	if !u.PasswordHash.Equal(seen.PasswordHash) || !u.DisabledAt.IsZero() {
		return ErrSignIn
	}
	var facts ports.Facts
	if u.Factor.On() {
		if use == nil {
			return ErrSignIn // it was turned on after the password was compared
		}
		factor, kind, ok := use(u.Factor)
		if !ok {
			return ErrSignIn // another sign-in used the code first
		}
		u.Factor, facts = factor, ports.Facts{"second_factor": kind}
	}
	u.Failures, u.LockedUntil = 0, time.Time{}
	if err := tx.PanelUsers.Save(ctx, u); err != nil {
		return err
	}
	if err := tx.Sessions.Prune(ctx, s.CreatedAt.Add(-SessionIdle), s.CreatedAt.Add(-SessionMax)); err != nil {
		return err
	}
	if err := tx.Sessions.Add(ctx, s); err != nil {
		return err
	}
	return a.audit(ctx, tx, Operator{Name: u.Name, From: s.From}, PanelUserSignedIn, u, nil, facts)
}

// recordFailure stores and audits a failed sign-in. The typed name of an account
// that does not exist is not stored, because it may be a password.
func (a PanelAuth) recordFailure(ctx context.Context, tx ports.Repos, seen ports.PanelUser, kind step, v verdict, from string) error {
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
	failed := ports.Facts{"failures": strconv.Itoa(u.Failures)}
	if kind != stepPassword {
		failed["step"] = string(kind)
	}
	if v.audited {
		if err := a.audit(ctx, tx, by, PanelUserSignInFailed, u, nil, failed); err != nil {
			return err
		}
	}
	if v.audited && !v.refused.IsZero() {
		return a.audit(ctx, tx, by, PanelUserLockedOut, u, nil, ports.Facts{"locked_until": timeFact(v.refused)})
	}
	return nil
}
