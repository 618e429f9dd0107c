package operators

import (
	"context"
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
	Throttle  *Throttle // required for SignIn
	// Keys encrypts second factors. Without it no user can have one.
	Keys ports.PanelVault
	// RequireFactor makes a second factor every user's duty. It needs Keys.
	RequireFactor bool
	// Watch is called for each result of a step of a sign-in, by several goroutines at
	// once. It may be nil.
	Watch func(SignInResult)
}

// A session ends after SessionIdle without a request, and after SessionMax in any
// case. The time of its last request is stored to the minute.
const (
	SessionIdle = 2 * time.Hour
	SessionMax  = 12 * time.Hour
	seenStep    = time.Minute
)

const (
	minPassword   = 12 // characters
	maxPassword   = 72 // bytes; bcrypt ignores the rest
	maxPanelName  = 64
	panelNameRule = "must be 1 to 64 characters: letters, digits and . _ @ -"
)

// ErrSignedOut is returned if the session does not exist or has ended.
var ErrSignedOut = &billing.Error{Kind: billing.Forbidden, Code: "signed_out", Message: "please sign in"}

// Duty is a task that comes before anything else.
type Duty string

const (
	NoDuty       Duty = ""
	DutyPassword Duty = "password" // change the password that another person knows
	DutyFactor   Duty = "factor"   // set up a second factor
)

// Resumed is the state of a session.
type Resumed struct {
	// Operator has no role, and so no rights, as long as there is a duty.
	Operator Operator
	Language string // empty until the user chooses one
	Duty     Duty
}

// Resume returns the state of a session. It returns [ErrSignedOut] if the session has
// ended.
func (a PanelAuth) Resume(ctx context.Context, token, from string) (Resumed, error) {
	u, err := ports.InTx(ctx, a.Store, func(tx ports.Repos) (ports.PanelUser, error) {
		return resume(ctx, tx, keyOfToken(token), a.Wall.Now())
	})
	if err == nil && u.ID == "" {
		err = ErrSignedOut
	}
	if err != nil {
		return Resumed{}, wrap(err, "session")
	}
	r := Resumed{Operator{u.Name, u.Role, from}, u.Language, a.duty(u)}
	if r.Duty != NoDuty {
		r.Operator.Role = ""
	}
	return r, nil
}

func (a PanelAuth) duty(u ports.PanelUser) Duty {
	switch {
	case u.PasswordTemporary:
		return DutyPassword
	case a.RequireFactor && !u.Factor.On():
		return DutyFactor
	default:
		return NoDuty
	}
}

// resume returns the user of a session, or the zero PanelUser if the session is over. An
// error would roll back the end of the session.
func resume(ctx context.Context, tx ports.Repos, key ports.SessionKey, now time.Time) (ports.PanelUser, error) {
	s, u, err := tx.Sessions.Find(ctx, key)
	switch {
	case err != nil:
		return ports.PanelUser{}, ignore(err, billing.ErrNotFound)
	case sessionOver(s, now), !u.DisabledAt.IsZero():
		return ports.PanelUser{}, tx.Sessions.End(ctx, key)
	case now.Sub(s.SeenAt) < seenStep:
		return u, nil
	}
	return u, tx.Sessions.Seen(ctx, key, now)
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
	return name != "" && len(name) <= maxPanelName && !billing.HoldsCardNumber(name) && strings.TrimFunc(name, allowed) == "" &&
		!strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) })
}

func checkPassword(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return refusedPassword(RulePasswordShort, "must be at least 12 characters")
	case len(password) > maxPassword:
		return refusedPassword(RulePasswordLong, "must be at most 72 bytes")
	case strings.Trim(password, password[:1]) == "" || strings.Contains(strings.ToLower(password), strings.ToLower(name)) && len(name) > 3:
		return refusedPassword(RulePasswordEasy, "is too easy to guess")
	default:
		return nil
	}
}

func invalid(field, message string) error {
	return &billing.InvalidError{Faults: []billing.Fault{{Field: field, Message: message}}}
}

// The rules of passwords and names.
const (
	RulePasswordShort billing.Rule = "password_short"
	RulePasswordLong  billing.Rule = "password_long"
	RulePasswordEasy  billing.Rule = "password_easy"
	RulePasswordSame  billing.Rule = "password_same"
	RulePanelName     billing.Rule = "panel_name"
)

func refusedPassword(rule billing.Rule, message string) error {
	return &billing.InvalidError{Faults: []billing.Fault{{Field: "password", Message: message, Rule: rule}}}
}
