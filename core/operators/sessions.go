package operators

import (
	"context"
	"encoding/hex"
	"strconv"

	"github.com/online-cinema/billing/core/ports"
)

// SessionView is a session as people see it. Its token cannot be derived from it.
type SessionView struct {
	ID string // see [PanelAuth.EndSession]
	ports.Session
	Current bool // the session of the request
}

// Account returns a user and the user's sessions, by the time of the last request.
// token belongs to the operator's session. Account returns [ErrForbidden] for the
// account of another person unless the operator is an editor, and [billing.ErrNotFound].
func (a PanelAuth) Account(ctx context.Context, by Operator, name, token string) (u ports.PanelUser, list []SessionView, err error) {
	if err := by.maySeeAccount(name); err != nil {
		return u, nil, err
	}
	own, now := keyOfToken(token), a.Wall.Now()
	err = a.Store.InTx(ctx, func(tx ports.Repos) error {
		if u, err = tx.PanelUsers.Lock(ctx, name); err != nil {
			return err
		}
		sessions, err := tx.Sessions.Of(ctx, u.ID)
		list = nil
		for _, s := range sessions {
			if !sessionOver(s, now) {
				list = append(list, SessionView{sessionID(s), s, s.Key == own})
			}
		}
		return err
	})
	return u, list, wrap(notPanelUser(err, name), "account of %s", name)
}

func (o Operator) maySeeAccount(name string) error {
	if o.Name != "" && o.Name == name {
		return nil
	}
	return o.mayEdit()
}

// sessionID identifies a session of a user.
func sessionID(s ports.Session) string { return hex.EncodeToString(s.Key[:16]) }

// EndSession ends a session of a user, if it exists. The errors are those of
// [PanelAuth.Account].
func (a PanelAuth) EndSession(ctx context.Context, by Operator, name, id string) error {
	return a.endSessions(ctx, by, name, func(s ports.Session) bool { return sessionID(s) == id })
}

// EndSessions ends all sessions of a user except the one with this token. The errors
// are those of [PanelAuth.Account].
func (a PanelAuth) EndSessions(ctx context.Context, by Operator, name, except string) error {
	own := keyOfToken(except)
	return a.endSessions(ctx, by, name, func(s ports.Session) bool { return s.Key != own })
}

func (a PanelAuth) endSessions(ctx context.Context, by Operator, name string, which func(ports.Session) bool) error {
	if err := by.maySeeAccount(name); err != nil {
		return err
	}
	err := a.Store.InTx(ctx, func(tx ports.Repos) error {
		u, err := tx.PanelUsers.Lock(ctx, name)
		if err != nil {
			return err
		}
		keys, err := sessionKeys(ctx, tx, u.ID, which)
		if err != nil || len(keys) == 0 {
			return err
		}
		// The entry comes first: its author needs a session.
		if err := a.audit(ctx, tx, by, PanelUserSessionsEnded, u, nil, ports.Facts{"sessions": strconv.Itoa(len(keys))}); err != nil {
			return err
		}
		return tx.Sessions.End(ctx, keys...)
	})
	return wrap(notPanelUser(err, name), "end sessions of %s", name)
}
