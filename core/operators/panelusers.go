package operators

import (
	"context"
	"errors"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Add adds a user. It returns [billing.ErrInvalid] if the name, role or password
// is not acceptable, and [billing.ErrAlreadyExists] if the name is taken.
func (a PanelAuth) Add(ctx context.Context, by Operator, name string, role ports.Role, password string) error {
	if !validPanelName(name) {
		return invalid("name", panelNameRule)
	}
	if !slices.Contains(ports.Roles(), role) {
		return invalid("role", "must be viewer, support or editor")
	}
	hash, err := a.hash(name, password)
	if err != nil {
		return err
	}
	u := ports.PanelUser{ID: a.NewID(), Name: name, Role: role, PasswordHash: hash, CreatedAt: a.Wall.Now()}
	err = a.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.PanelUsers.Add(ctx, u); err != nil {
			return err
		}
		return a.audit(ctx, tx, by, PanelUserAdded, u, nil, ports.Facts{"role": string(role)})
	})
	return wrap(err, "add panel user %s", name)
}

// SetPassword sets a user's password. It ends the user's sessions and lock-out, and
// enables the account if it was disabled. It returns [billing.ErrNotFound] or
// [billing.ErrInvalid].
func (a PanelAuth) SetPassword(ctx context.Context, by Operator, name, password string) error {
	hash, err := a.hash(name, password)
	if err != nil {
		return err
	}
	return a.change(ctx, by, name, PanelUserPasswordChanged, func(u ports.PanelUser) ports.PanelUser {
		return ports.PanelUser{ID: u.ID, Name: u.Name, Role: u.Role, PasswordHash: hash, Language: u.Language, CreatedAt: u.CreatedAt}
	})
}

// Disable disables a user's account and ends the user's sessions. It returns
// [billing.ErrNotFound] if the user does not exist.
func (a PanelAuth) Disable(ctx context.Context, by Operator, name string) error {
	return a.change(ctx, by, name, PanelUserDisabled, func(u ports.PanelUser) ports.PanelUser {
		if u.DisabledAt.IsZero() {
			u.DisabledAt = a.Wall.Now()
		}
		return u
	})
}

// change saves the result of f for a user, ends the user's sessions and audits the
// change.
func (a PanelAuth) change(ctx context.Context, by Operator, name, action string, f func(ports.PanelUser) ports.PanelUser) error {
	err := a.Store.InTx(ctx, func(tx ports.Repos) error {
		before, err := tx.PanelUsers.Lock(ctx, name)
		if err != nil {
			return err
		}
		after := f(before)
		if err := tx.PanelUsers.Save(ctx, after); err != nil {
			return err
		}
		if err := endSessions(ctx, tx, after.ID); err != nil {
			return err
		}
		return a.audit(ctx, tx, by, action, after,
			ports.Facts{"disabled_at": timeFact(before.DisabledAt)}, ports.Facts{"disabled_at": timeFact(after.DisabledAt)})
	})
	if errors.Is(err, billing.ErrNotFound) {
		err = billing.ErrNotFound.WithMessage("there is no panel user %s", name)
	}
	return wrap(err, "change panel user %s", name)
}

// endSessions ends all sessions of a user.
func endSessions(ctx context.Context, tx ports.Repos, user string) error {
	list, err := tx.Sessions.Of(ctx, user)
	if err != nil {
		return err
	}
	var keys []ports.SessionKey
	for _, s := range list {
		keys = append(keys, s.Key)
	}
	return tx.Sessions.End(ctx, keys...)
}

// SetLanguage stores the language that an operator chose. It is not audited.
func (a PanelAuth) SetLanguage(ctx context.Context, by Operator, language string) error {
	err := a.Store.InTx(ctx, func(tx ports.Repos) error {
		u, err := tx.PanelUsers.Lock(ctx, by.Name)
		if err != nil {
			return err
		}
		u.Language = language
		return tx.PanelUsers.Save(ctx, u)
	})
	return wrap(err, "language of %s", by.Name)
}

// List returns all users of the panel by name.
func (a PanelAuth) List(ctx context.Context) ([]ports.PanelUser, error) {
	list, err := ports.InTx(ctx, a.Store, func(tx ports.Repos) ([]ports.PanelUser, error) { return tx.PanelUsers.List(ctx) })
	return list, wrap(err, "list panel users")
}

func (a PanelAuth) hash(name, password string) (billing.Secret, error) {
	if err := checkPassword(name, password); err != nil {
		return billing.Secret{}, err
	}
	hash, err := a.Passwords.Hash(password)
	return hash, wrap(err, "hash the password of %s", name)
}

func (a PanelAuth) audit(ctx context.Context, tx ports.Repos, by Operator, action string, u ports.PanelUser, before, after ports.Facts) error {
	return by.audit(ctx, tx, a.NewID(), a.Wall.Now(), change{action, u.Name, before, after})
}

// ignore returns nil if err is ignored, else err.
func ignore(err, ignored error) error {
	if errors.Is(err, ignored) {
		return nil
	}
	return err
}
