package operators

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// ErrNoFactorKeys is returned if a second factor is needed, but this installation has
// no keyset for it.
var ErrNoFactorKeys = &billing.Error{
	Kind: billing.Unavailable, Code: "no_second_factor",
	Message: "this installation has no keys for second factors: set BILLING_PANEL_KEYSET_FILE",
}

// SecondStepMax is the time from the password to the code of a sign-in.
const SecondStepMax = 5 * time.Minute

// SecondStep is the second step of a sign-in: a code of the authenticator app, or a
// recovery code.
type SecondStep struct {
	Token   string // from [SignedIn]
	Code    string
	From    string // IP address
	Browser string // family of the browser; empty if unknown
	Device  string // see [SignIn]
}

// ConfirmCode starts a session after [PanelAuth.SignIn] asked for a code. It returns
// [ErrSignedOut] if the token is not valid any more, [ErrSignIn] if the code is wrong
// or was used before, and [ErrTooManySignIns] if [Throttle] does not admit it.
func (a PanelAuth) ConfirmCode(ctx context.Context, s SecondStep) (done SignedIn, err error) {
	defer func() { a.report(done, err, SignInCodeRefused) }()
	u, err := a.userOfStep(ctx, s.Token)
	if err != nil {
		return SignedIn{}, err
	}
	key, err := a.factorKey(u)
	if err != nil {
		return SignedIn{}, wrap(err, "sign in %s", u.Name)
	}
	defer clear(key)
	o := originOf(stepCode, SignIn{Name: u.Name, From: s.From, Device: s.Device}, u, a.Wall.Now())
	err = a.attempt(ctx, o, u, s.From, func() bool {
		_, _, ok := spend(u.Factor, key, s.Code, a.Wall.Now())
		return ok
	})
	if err != nil {
		return SignedIn{}, wrap(err, "sign in")
	}
	return a.admit(ctx, u, client{s.From, s.Browser}, func(f ports.Factor) (ports.Factor, string, bool) {
		return spend(f, key, s.Code, a.Wall.Now())
	})
}

// StepUser returns the name of the user whose code is awaited, or [ErrSignedOut].
func (a PanelAuth) StepUser(ctx context.Context, token string) (string, error) {
	u, err := a.userOfStep(ctx, token)
	return u.Name, err
}

const (
	stepTimeSize = 8
	stepMACSize  = 36
)

// newStepToken returns the token of a sign-in whose password was right. It consists of
// the time, a MAC, and the name. The MAC covers the password and the second factor, so
// that a change of either ends the sign-in. No store has the token.
func (a PanelAuth) newStepToken(u ports.PanelUser) (string, error) {
	if a.Keys == nil {
		return "", ErrNoFactorKeys
	}
	at := binary.BigEndian.AppendUint64(nil, uint64(a.Wall.Now().Unix())) //nolint:gosec // after 1970
	mac, err := a.Keys.MAC(stepPlace(u), stepText(u, at))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(append(at, mac...), u.Name...)), nil
}

func stepPlace(u ports.PanelUser) ports.Place {
	return ports.Place{Purpose: ports.PurposeSecondStep, Row: u.ID}
}

func stepText(u ports.PanelUser, at []byte) []byte {
	sum := sha256.Sum256([]byte(u.PasswordHash.Reveal()))
	return fmt.Appendf(nil, "%x %x %d", at, sum, u.Factor.Since.UnixMicro())
}

// userOfStep returns the user of a valid token, or [ErrSignedOut].
func (a PanelAuth) userOfStep(ctx context.Context, token string) (ports.PanelUser, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < stepTimeSize+stepMACSize {
		return ports.PanelUser{}, ErrSignedOut
	}
	if a.Keys == nil {
		return ports.PanelUser{}, ErrNoFactorKeys
	}
	at, mac, name := raw[:stepTimeSize], raw[stepTimeSize:stepTimeSize+stepMACSize], string(raw[stepTimeSize+stepMACSize:])
	u, err := a.find(ctx, name)
	if err != nil {
		return ports.PanelUser{}, err
	}
	age := a.Wall.Now().Sub(time.Unix(int64(binary.BigEndian.Uint64(at)), 0)) //nolint:gosec // the MAC covers it
	err = a.Keys.VerifyMAC(stepPlace(u), mac, stepText(u, at))
	switch {
	case err != nil && !errors.Is(err, ports.ErrNotAuthentic):
		return ports.PanelUser{}, wrap(err, "sign in %s", u.Name)
	case err != nil, u.ID == "", !u.DisabledAt.IsZero(), age < -time.Minute, age > SecondStepMax:
		return ports.PanelUser{}, ErrSignedOut
	}
	return u, nil
}

// factorKey returns the key of the user's authenticator app. The caller clears it.
func (a PanelAuth) factorKey(u ports.PanelUser) ([]byte, error) {
	if a.Keys == nil {
		return nil, ErrNoFactorKeys
	}
	return a.Keys.Decrypt(ports.FactorPlace(u.ID), u.Factor.Key)
}

// client is the browser of a new session.
type client struct{ from, browser string }

// admit starts a session of a user whose password, and code if one is needed, was
// right. use takes the code from the factor that is stored now.
func (a PanelAuth) admit(ctx context.Context, u ports.PanelUser, c client, use func(ports.Factor) (ports.Factor, string, bool)) (SignedIn, error) {
	now := a.Wall.Now()
	done := SignedIn{Token: rand.Text() + rand.Text(), Device: newDeviceToken(u, now)}
	s := ports.Session{Key: keyOfToken(done.Token), UserID: u.ID, CreatedAt: now, SeenAt: now, From: c.from, Browser: c.browser}
	err := a.Store.InTx(ctx, func(tx ports.Repos) error { return a.startSession(ctx, tx, u, s, use) })
	if err != nil {
		return SignedIn{}, wrap(err, "sign in")
	}
	return done, nil
}
