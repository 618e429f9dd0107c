package operators

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Add adds a user. It returns [ErrForbidden] unless the operator is an editor,
// [billing.ErrInvalid] if the name, role or password is not acceptable, and
// [billing.ErrAlreadyExists] if the name is taken.
func (a PanelAuth) Add(ctx context.Context, by Operator, name string, role ports.Role, password string) error {
	return a.add(ctx, by, ports.PanelUser{Name: name, Role: role}, password)
}

func (a PanelAuth) add(ctx context.Context, by Operator, u ports.PanelUser, password string) error {
	if err := by.mayEdit(); err != nil {
		return err
	}
	if err := errors.Join(checkPanelName(u.Name), checkRole(u.Role)); err != nil {
		return err
	}
	var err error
	if u.PasswordHash, err = a.hash(u.Name, password); err != nil {
		return err
	}
	u.ID, u.CreatedAt = a.NewID(), a.Wall.Now()
	err = a.Store.InTx(ctx, func(tx ports.Repos) error {
		if _, err := a.lockFor(ctx, tx, by, by.Name); err != nil {
			return err
		}
		// The database requires the entry before the change.
		if err := a.audit(ctx, tx, by, PanelUserAdded, u, nil, ports.Facts{"role": string(u.Role)}); err != nil {
			return err
		}
		return tx.PanelUsers.Add(ctx, u)
	})
	return wrap(err, "add panel user %s", u.Name)
}

func checkPanelName(name string) error {
	reserved := name == Anonymous || name == CLIOperator().Name // operators of audit entries
	if validPanelName(name) && !reserved {
		return nil
	}
	return &billing.InvalidError{Faults: []billing.Fault{{Field: "name", Message: panelNameRule, Rule: RulePanelName}}}
}

func checkRole(role ports.Role) error {
	if slices.Contains(ports.Roles(), role) {
		return nil
	}
	return invalid("role", "must be viewer, support or editor")
}

// SetPassword sets a user's password. It ends the user's sessions and lock-out, and
// enables the account if it was disabled. The second factor stays. It returns
// [billing.ErrNotFound] or [billing.ErrInvalid].
func (a PanelAuth) SetPassword(ctx context.Context, by Operator, name, password string) error {
	hash, err := a.hash(name, password)
	if err != nil {
		return err
	}
	return a.change(ctx, by, name, PanelUserPasswordChanged, func(u *ports.PanelUser) {
		u.DisabledAt = time.Time{}
		setPassword(u, hash)
	})
}

// setPassword sets a password that only its user knows, and ends the lock-out.
func setPassword(u *ports.PanelUser, hash billing.Secret) {
	u.PasswordHash, u.PasswordTemporary = hash, false
	u.Failures, u.LockedUntil = 0, time.Time{}
}

// Disable disables a user's account and ends the user's sessions. It returns
// [billing.ErrNotFound] if the user does not exist.
func (a PanelAuth) Disable(ctx context.Context, by Operator, name string) error {
	return a.change(ctx, by, name, PanelUserDisabled, func(u *ports.PanelUser) {
		if u.DisabledAt.IsZero() {
			u.DisabledAt = a.Wall.Now()
		}
	})
}

// ErrOwnAccount is returned if editors change their own accounts as editors. So the
// last editor always stays one.
var ErrOwnAccount = &billing.Error{
	Kind: billing.Forbidden, Code: "own_account", Message: "another editor must change your account; nothing was changed",
}

// change applies f to a user on behalf of an editor, and ends the user's sessions. The
// editor must be another person.
func (a PanelAuth) change(ctx context.Context, by Operator, name, action string, f func(*ports.PanelUser)) error {
	if err := by.mayEdit(); err != nil {
		return err
	}
	if by.Name == name {
		return ErrOwnAccount
	}
	err := a.Store.InTx(ctx, func(tx ports.Repos) error {
		before, err := a.lockFor(ctx, tx, by, name)
		if err != nil {
			return err
		}
		after := before
		f(&after)
		return a.saveUser(ctx, tx, by, action, before, after, ports.SessionKey{})
	})
	return wrap(notPanelUser(err, name), "change panel user %s", name)
}

// saveUser saves a change of a user, and ends the user's sessions except one. It audits the
// change before it saves it, because the database requires the entry.
func (a PanelAuth) saveUser(ctx context.Context, tx ports.Repos, by Operator, action string, before, after ports.PanelUser, except ports.SessionKey) error {
	was, is := userFacts(before, after)
	if err := a.audit(ctx, tx, by, action, after, was, is); err != nil {
		return err
	}
	if err := tx.PanelUsers.Save(ctx, after); err != nil {
		return err
	}
	return endOtherSessions(ctx, tx, after.ID, except)
}

func notPanelUser(err error, name string) error {
	if errors.Is(err, billing.ErrNotFound) {
		return billing.ErrNotFound.WithMessage("there is no panel user %s", name)
	}
	return err
}

// lockFor locks and returns a user. It returns [ErrForbidden] unless the operator is
// still an editor: two editors may disable each other at the same time. It locks in the
// order of names, so that they do not wait for each other.
func (a PanelAuth) lockFor(ctx context.Context, tx ports.Repos, by Operator, name string) (u ports.PanelUser, err error) {
	if by.Name == CLIOperator().Name {
		if name == by.Name {
			return u, nil
		}
		return tx.PanelUsers.Lock(ctx, name)
	}
	names := []string{by.Name, name}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		locked, err := tx.PanelUsers.Lock(ctx, n)
		if n == by.Name && (errors.Is(err, billing.ErrNotFound) || err == nil && (locked.Role != ports.RoleEditor || !locked.DisabledAt.IsZero())) {
			err = ErrForbidden
		}
		if err != nil {
			return u, err
		}
		if n == name {
			u = locked
		}
	}
	return u, nil
}

// userFacts returns the facts of a change.
func userFacts(before, after ports.PanelUser) (was, is ports.Facts) {
	was, is = ports.Facts{"disabled_at": timeFact(before.DisabledAt)}, ports.Facts{"disabled_at": timeFact(after.DisabledAt)}
	if before.Role != after.Role {
		was["role"], is["role"] = string(before.Role), string(after.Role)
	}
	if before.Factor.On() != after.Factor.On() {
		was["second_factor"], is["second_factor"] = timeFact(before.Factor.Since), timeFact(after.Factor.Since)
	}
	return was, is
}

// endOtherSessions ends the sessions of a user except one. The zero key ends all.
func endOtherSessions(ctx context.Context, tx ports.Repos, user string, except ports.SessionKey) error {
	keys, err := sessionKeys(ctx, tx, user, func(s ports.Session) bool { return s.Key != except })
	if err != nil {
		return err
	}
	return tx.Sessions.End(ctx, keys...)
}

// sessionKeys returns the keys of the user's sessions that which selects.
func sessionKeys(ctx context.Context, tx ports.Repos, user string, which func(ports.Session) bool) (keys []ports.SessionKey, err error) {
	list, err := tx.Sessions.Of(ctx, user)
	for _, s := range list {
		if which(s) {
			keys = append(keys, s.Key)
		}
	}
	return keys, err
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
