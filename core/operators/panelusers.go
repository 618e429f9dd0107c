package operators

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Add lets a person in who was not known. [billing.ErrInvalid] when name, role
// or password will not do, [billing.ErrAlreadyExists] when the name is taken.
func (d PanelAuth) Add(ctx context.Context, by Operator, name string, role ports.Role, password string) error {
	if !validPanelName(name) {
		return invalid("name", panelNameRule)
	}
	if role != ports.RoleReader && role != ports.RoleEditor {
		return invalid("role", "must be viewer or editor")
	}
	hash, err := d.hash(name, password)
	if err != nil {
		return err
	}
	u := ports.PanelUser{ID: d.NewID(), Name: name, Role: role, PasswordHash: hash, CreatedAt: d.Wall.Now()}
	err = d.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.PanelUsers.Add(ctx, u); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, PanelUserAdded, u, nil, ports.Facts{"role": string(role)})
	})
	return wrap(err, "add panel user %s", name)
}

// SetPassword gives a person a new password, ends their sessions and any
// lock-out, and lets them in again if they were disabled.
func (d PanelAuth) SetPassword(ctx context.Context, by Operator, name, password string) error {
	hash, err := d.hash(name, password)
	if err != nil {
		return err
	}
	return d.change(ctx, by, name, PanelUserPasswordChanged, func(u ports.PanelUser) ports.PanelUser {
		return ports.PanelUser{ID: u.ID, Name: u.Name, Role: u.Role, PasswordHash: hash, Language: u.Language, CreatedAt: u.CreatedAt}
	})
}

// Disable keeps a person out from this moment on.
func (d PanelAuth) Disable(ctx context.Context, by Operator, name string) error {
	return d.change(ctx, by, name, PanelUserDisabled, func(u ports.PanelUser) ports.PanelUser {
		if u.DisabledAt.IsZero() {
			u.DisabledAt = d.Wall.Now()
		}
		return u
	})
}

func (d PanelAuth) change(ctx context.Context, by Operator, name, action string, f func(ports.PanelUser) ports.PanelUser) error {
	err := d.Store.InTx(ctx, func(tx ports.Repos) error {
		before, err := tx.PanelUsers.Lock(ctx, name)
		if err != nil {
			return err
		}
		after := f(before)
		if err := tx.PanelUsers.Save(ctx, after); err != nil {
			return err
		}
		if err := tx.Sessions.EndAll(ctx, after.ID); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, action, after,
			ports.Facts{"disabled_at": timeFact(before.DisabledAt)}, ports.Facts{"disabled_at": timeFact(after.DisabledAt)})
	})
	if errors.Is(err, billing.ErrNotFound) {
		err = billing.ErrNotFound.WithMessage("there is no panel user %s", name)
	}
	return wrap(err, "change panel user %s", name)
}

// SetLanguage keeps the language that a person chose. It is nobody else's
// business, so it is not audited.
func (d PanelAuth) SetLanguage(ctx context.Context, by Operator, language string) error {
	err := d.Store.InTx(ctx, func(tx ports.Repos) error {
		u, err := tx.PanelUsers.Lock(ctx, by.Name)
		if err != nil {
			return err
		}
		u.Language = language
		return tx.PanelUsers.Save(ctx, u)
	})
	return wrap(err, "language of %s", by.Name)
}

// List lists the people of the panel, by name.
func (d PanelAuth) List(ctx context.Context) (list []ports.PanelUser, err error) {
	err = d.Store.InTx(ctx, func(tx ports.Repos) error {
		list, err = tx.PanelUsers.List(ctx)
		return err
	})
	return list, wrap(err, "list panel users")
}

func (d PanelAuth) hash(name, password string) (billing.Secret, error) {
	if err := checkPassword(name, password); err != nil {
		return billing.Secret{}, err
	}
	hash, err := d.Passwords.Hash(password)
	return hash, wrap(err, "hash the password of %s", name)
}

func (d PanelAuth) audit(ctx context.Context, tx ports.Repos, by Operator, action string, u ports.PanelUser, before, after ports.Facts) error {
	return tx.Audit.Record(ctx, ports.AuditEntry{
		ID: d.NewID(), At: d.Wall.Now(), Operator: by.Name, From: by.From,
		Action: action, Object: u.Name, Before: before, After: after,
	})
}

// ignore returns err unless it is what was to be ignored.
func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
