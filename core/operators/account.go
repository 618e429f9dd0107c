package operators

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Errors of changes of the own account.
var (
	// ErrConfirmation means that the password or the code was wrong.
	ErrConfirmation = &billing.Error{
		Kind: billing.Forbidden, Code: "confirmation_failed", Message: "wrong password or code; nothing was changed",
	}
	ErrFactorIsOn  = &billing.Error{Kind: billing.Conflict, Code: "second_factor_on", Message: "the second factor is already on"}
	ErrFactorIsOff = &billing.Error{Kind: billing.Conflict, Code: "second_factor_off", Message: "the second factor is off"}
)

// Own changes the account of a signed-in user. Its methods ask for the
// password again, because the browser may have been left open. [Throttle] limits the
// attempts like those of a sign-in.
type Own struct {
	PanelAuth

	By    Operator
	Token string // of the session; all others end
}

// ChangePassword changes the password. It ends the user's other sessions, and returns
// a new token for [SignIn.Device]. It returns [ErrConfirmation],
// [ErrTooManySignIns] or [billing.ErrInvalid].
func (o Own) ChangePassword(ctx context.Context, old, password string) (device string, err error) {
	if err := checkPassword(o.By.Name, password); err != nil {
		return "", err
	}
	if old == password {
		return "", refusedPassword(RulePasswordSame, "must differ from the current password")
	}
	u, err := o.find(ctx, o.By.Name)
	if err != nil {
		return "", err
	}
	if err := o.confirm(ctx, u, func() bool { return o.matches(u, old) }); err != nil {
		return "", err
	}
	hash, err := o.hash(u.Name, password)
	if err != nil {
		return "", err
	}
	var changed ports.PanelUser
	err = o.save(ctx, u, PanelUserPasswordChanged, func(u *ports.PanelUser) error {
		setPassword(u, hash)
		changed = *u
		return nil
	})
	return newDeviceToken(changed, o.Wall.Now()), err
}

// NewFactor is a second factor that is not on yet.
type NewFactor struct {
	Key   billing.Secret // base32, for typing
	URI   billing.Secret // for scanning by an authenticator app
	Token string         // the encrypted key, for [Own.TurnFactorOn]
}

// NewFactor returns a new second factor. It stores nothing. It returns
// [ErrNoFactorKeys] or [ErrFactorIsOn].
func (o Own) NewFactor(ctx context.Context) (NewFactor, error) {
	u, err := o.withoutFactor(ctx)
	if err != nil {
		return NewFactor{}, err
	}
	key := newTOTPKey()
	defer clear(key)
	s, err := o.Keys.Encrypt(newFactorPlace(u), key)
	if err != nil {
		return NewFactor{}, wrap(err, "second factor of %s", u.Name)
	}
	token := binary.BigEndian.AppendUint32(nil, s.KeyID)
	return newFactor(u, key, base64.RawURLEncoding.EncodeToString(append(token, s.Ciphertext...))), nil
}

// OpenFactor returns the second factor of a token, to show it again. It returns
// [billing.ErrInvalid] if the token is not one of this user, and the errors of
// [Own.NewFactor].
func (o Own) OpenFactor(ctx context.Context, token string) (NewFactor, error) {
	u, err := o.withoutFactor(ctx)
	if err != nil {
		return NewFactor{}, err
	}
	key, err := o.keyOf(u, token)
	if err != nil {
		return NewFactor{}, err
	}
	defer clear(key)
	return newFactor(u, key, token), nil
}

func newFactor(u ports.PanelUser, key []byte, token string) NewFactor {
	return NewFactor{billing.NewSecret(keyEncoding.EncodeToString(key)), billing.NewSecret(totpURI(u.Name, key)), token}
}

func newFactorPlace(u ports.PanelUser) ports.Place {
	return ports.Place{Purpose: ports.PurposeNewFactor, Row: u.ID}
}

func (o Own) keyOf(u ports.PanelUser, token string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < 4 {
		return nil, invalid("token", "is not of this account")
	}
	key, err := o.Keys.Decrypt(newFactorPlace(u), billing.Encrypted{Ciphertext: raw[4:], KeyID: binary.BigEndian.Uint32(raw)})
	if err != nil {
		return nil, invalid("token", "is not of this account")
	}
	return key, nil
}

func (o Own) withoutFactor(ctx context.Context) (ports.PanelUser, error) {
	if o.Keys == nil {
		return ports.PanelUser{}, ErrNoFactorKeys
	}
	u, err := o.find(ctx, o.By.Name)
	if err == nil && u.Factor.On() {
		err = ErrFactorIsOn
	}
	return u, err
}

// TurnFactorOn turns a new second factor on, and returns its recovery codes. A code
// proves that the authenticator app has the key. The user's other sessions end.
// TurnFactorOn returns [ErrConfirmation], [ErrTooManySignIns], and the errors of
// [Own.OpenFactor].
func (o Own) TurnFactorOn(ctx context.Context, token, password, code string) (recovery []billing.Secret, err error) {
	u, err := o.withoutFactor(ctx)
	if err != nil {
		return nil, err
	}
	key, err := o.keyOf(u, token)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	fresh := ports.Factor{Since: o.Wall.Now()}
	err = o.confirm(ctx, u, func() bool {
		matched := o.matches(u, password)
		used, _, ok := spend(fresh, key, code, o.Wall.Now())
		fresh.LastStep = used.LastStep
		return matched && ok
	})
	if err != nil {
		return nil, err
	}
	if fresh.Key, err = o.Keys.Encrypt(ports.FactorPlace(u.ID), key); err != nil {
		return nil, wrap(err, "second factor of %s", u.Name)
	}
	codes, hashes := newRecoveryCodes()
	fresh.Recovery = hashes
	err = o.save(ctx, u, PanelUserFactorOn, func(u *ports.PanelUser) error {
		u.Factor = fresh
		return nil
	})
	return secrets(codes), err
}

// TurnFactorOff turns the second factor off. The user's other sessions end. It returns
// [ErrFactorIsOff], [ErrConfirmation] or [ErrTooManySignIns].
func (o Own) TurnFactorOff(ctx context.Context, password, code string) error {
	return o.withCode(ctx, password, code, PanelUserFactorOff, func(u *ports.PanelUser) { u.Factor = ports.Factor{} })
}

// RenewRecovery replaces the recovery codes and returns the new ones. The user's other
// sessions end. The errors are those of [Own.TurnFactorOff].
func (o Own) RenewRecovery(ctx context.Context, password, code string) (recovery []billing.Secret, err error) {
	codes, hashes := newRecoveryCodes()
	err = o.withCode(ctx, password, code, PanelUserRecoveryRenewed, func(u *ports.PanelUser) { u.Factor.Recovery = hashes })
	if err != nil {
		return nil, err
	}
	return secrets(codes), nil
}

// withCode changes the account after the password and a code of the second factor.
func (o Own) withCode(ctx context.Context, password, code, action string, f func(*ports.PanelUser)) error {
	u, err := o.find(ctx, o.By.Name)
	if err != nil {
		return err
	}
	if !u.Factor.On() {
		return ErrFactorIsOff
	}
	key, err := o.factorKey(u)
	if err != nil {
		return wrap(err, "second factor of %s", u.Name)
	}
	defer clear(key)
	err = o.confirm(ctx, u, func() bool {
		matched := o.matches(u, password)
		_, _, ok := spend(u.Factor, key, code, o.Wall.Now())
		return matched && ok
	})
	if err != nil {
		return err
	}
	return o.save(ctx, u, action, func(u *ports.PanelUser) error {
		used, _, ok := spend(u.Factor, key, code, o.Wall.Now())
		if !ok {
			return ErrConfirmation
		}
		u.Factor = used
		f(u)
		return nil
	})
}

// confirm lets the user prove the own identity again. It returns [ErrConfirmation] or
// [ErrTooManySignIns].
func (o Own) confirm(ctx context.Context, u ports.PanelUser, matches func() bool) error {
	origin := originOf(stepConfirm, SignIn{Name: u.Name, From: o.By.From}, u, o.Wall.Now())
	err := o.attempt(ctx, origin, u, o.By.From, matches)
	if errors.Is(err, ErrSignIn) {
		err = ErrConfirmation
	}
	return err
}

// save applies f to the own account if it is as seen, and ends the other sessions.
func (o Own) save(ctx context.Context, seen ports.PanelUser, action string, f func(*ports.PanelUser) error) error {
	err := o.Store.InTx(ctx, func(tx ports.Repos) error {
		before, err := tx.PanelUsers.Lock(ctx, seen.Name)
		if err != nil {
			return err
		}
		if !before.PasswordHash.Equal(seen.PasswordHash) || !before.Factor.Since.Equal(seen.Factor.Since) || !before.DisabledAt.IsZero() {
			return ErrConfirmation
		}
		after := before
		if err := f(&after); err != nil {
			return err
		}
		return o.saveUser(ctx, tx, o.By, action, before, after, keyOfToken(o.Token))
	})
	return wrap(err, "change the account of %s", seen.Name)
}

func secrets(texts []string) []billing.Secret {
	list := make([]billing.Secret, len(texts))
	for i, text := range texts {
		list[i] = billing.NewSecret(text)
	}
	return list
}
