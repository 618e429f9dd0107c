package operators

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// People returns all users of the panel by name. It returns [ErrForbidden] unless the
// operator is an editor.
func (a PanelAuth) People(ctx context.Context, by Operator) ([]ports.PanelUser, error) {
	if err := by.mayEdit(); err != nil {
		return nil, err
	}
	return a.List(ctx)
}

// Invite adds a user with a temporary password, and returns that. The user must change
// it at the first sign-in. The errors are those of [PanelAuth.Add].
func (a PanelAuth) Invite(ctx context.Context, by Operator, name string, role ports.Role) (password billing.Secret, err error) {
	text := newTemporaryPassword()
	err = a.add(ctx, by, ports.PanelUser{Name: name, Role: role, PasswordTemporary: true}, text)
	if err != nil {
		return billing.Secret{}, err
	}
	return billing.NewSecret(text), nil
}

// newTemporaryPassword returns a password with 100 random bits.
func newTemporaryPassword() string { return grouped(rand.Text()[:20]) }

// ResetPassword replaces a user's password by a temporary one, and returns that. It
// ends the user's sessions and lock-out. It returns [ErrForbidden], [ErrOwnAccount] or
// [billing.ErrNotFound].
func (a PanelAuth) ResetPassword(ctx context.Context, by Operator, name string) (password billing.Secret, err error) {
	text := newTemporaryPassword()
	hash, err := a.Passwords.Hash(text)
	if err != nil {
		return billing.Secret{}, wrap(err, "hash the password of %s", name)
	}
	err = a.change(ctx, by, name, PanelUserPasswordReset, func(u *ports.PanelUser) {
		setPassword(u, hash)
		u.PasswordTemporary = true
	})
	if err != nil {
		return billing.Secret{}, err
	}
	return billing.NewSecret(text), nil
}

// ChangeRole changes a user's role and ends the user's sessions. It returns
// [ErrForbidden], [ErrOwnAccount], [billing.ErrInvalid] or [billing.ErrNotFound].
func (a PanelAuth) ChangeRole(ctx context.Context, by Operator, name string, role ports.Role) error {
	if err := checkRole(role); err != nil {
		return err
	}
	return a.change(ctx, by, name, PanelUserRoleChanged, func(u *ports.PanelUser) { u.Role = role })
}

// Enable enables a disabled account. It returns [ErrForbidden], [ErrOwnAccount] or
// [billing.ErrNotFound].
func (a PanelAuth) Enable(ctx context.Context, by Operator, name string) error {
	return a.change(ctx, by, name, PanelUserEnabled, func(u *ports.PanelUser) { u.DisabledAt = time.Time{} })
}

// ResetFactor turns off a user's second factor, for example after a loss of the phone.
// It ends the user's sessions. It returns [ErrForbidden], [ErrOwnAccount] or [billing.ErrNotFound].
func (a PanelAuth) ResetFactor(ctx context.Context, by Operator, name string) error {
	return a.change(ctx, by, name, PanelUserFactorReset, func(u *ports.PanelUser) { u.Factor = ports.Factor{} })
}
