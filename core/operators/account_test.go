package operators_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func TestTurnFactorOn_Refused(t *testing.T) {
	t.Parallel()
	h := factorWorld{panelWorld: newPanelWorldWithKeys(t)}
	var err error
	if h.session, err = h.signIn("anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	f, err := h.own().NewFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.own().OpenFactor(t.Context(), f.Token)
	if err != nil || !again.Key.Equal(f.Key) || !again.URI.Equal(f.URI) {
		t.Errorf("the same factor again: equal %t, %v", again.Key.Equal(f.Key), err)
	}
	if err := h.auth.Add(t.Context(), operators.CLIOperator(), "boris", ports.RoleEditor, goodPassword); err != nil {
		t.Fatal(err)
	}
	other := h.own()
	other.By.Name = "boris"
	for name, try := range map[string]struct {
		own                   operators.Own
		token, password, code string
		want                  error
	}{
		"wrong code":            {h.own(), f.Token, goodPassword, "000000", operators.ErrConfirmation},
		"wrong password":        {h.own(), f.Token, wrongPassword, "000000", operators.ErrConfirmation},
		"token of another user": {other, f.Token, goodPassword, "000000", billing.ErrInvalid},
		"no token":              {h.own(), "", goodPassword, "000000", billing.ErrInvalid},
	} {
		if _, err := try.own.TurnFactorOn(t.Context(), try.token, try.password, try.code); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if done, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword}); done.Token == "" || err != nil {
		t.Errorf("the factor is on after refusals: %v", err)
	}
}

// The session that turns a factor on stays. The others, and other sign-ins, end.
func TestTurnFactorOn_EndsOtherSessions(t *testing.T) {
	t.Parallel()
	h := factorWorld{panelWorld: newPanelWorldWithKeys(t)}
	other, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if h.session, err = h.signIn("anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	h.turnOn()
	if _, err := h.resume(h.session); err != nil {
		t.Errorf("own session: %v", err)
	}
	if _, err := h.resume(other); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("other session: %v", err)
	}
	if _, err := h.own().NewFactor(t.Context()); !errors.Is(err, operators.ErrFactorIsOn) {
		t.Errorf("a second one: %v", err)
	}
}

func TestTurnFactorOff(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	if err := h.own().TurnFactorOff(t.Context(), goodPassword, "000000"); !errors.Is(err, operators.ErrConfirmation) {
		t.Errorf("wrong code: %v", err)
	}
	if err := h.own().TurnFactorOff(t.Context(), wrongPassword, h.code()); !errors.Is(err, operators.ErrConfirmation) {
		t.Errorf("wrong password: %v", err)
	}
	if err := h.own().TurnFactorOff(t.Context(), goodPassword, h.code()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("sign-in by the password alone: %v", err)
	}
	if err := h.own().TurnFactorOff(t.Context(), goodPassword, h.code()); !errors.Is(err, operators.ErrFactorIsOff) {
		t.Errorf("again: %v", err)
	}
}

func TestRenewRecovery(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	renewed, err := h.own().RenewRecovery(t.Context(), goodPassword, h.recovery[1].Reveal())
	if err != nil || len(renewed) != 10 {
		t.Fatalf("%d codes, %v", len(renewed), err)
	}
	if _, err := h.confirm(h.password(), h.recovery[0].Reveal()); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("old code: %v", err)
	}
	if _, err := h.confirm(h.password(), renewed[9].Reveal()); err != nil {
		t.Errorf("new code: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	const fresh = "another horse battery"
	h := factorWorld{panelWorld: newPanelWorld(t)}
	other, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if h.session, err = h.signIn("anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		old, fresh string
		want       error
	}{
		"wrong password": {wrongPassword, fresh, operators.ErrConfirmation},
		"too short":      {goodPassword, "short", billing.ErrInvalid},
		"the same":       {goodPassword, goodPassword, billing.ErrInvalid},
	} {
		if _, err := h.own().ChangePassword(t.Context(), try.old, try.fresh); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	device, err := h.own().ChangePassword(t.Context(), goodPassword, fresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.resume(h.session); err != nil {
		t.Errorf("own session: %v", err)
	}
	if _, err := h.resume(other); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("other session: %v", err)
	}
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("old password: %v", err)
	}
	h.attack(20, "198.51.100.1")
	if _, err := h.try(operators.SignIn{Name: "anna", Password: fresh, From: "198.51.100.1", Device: device}); err != nil {
		t.Errorf("new password from the same browser: %v", err)
	}
}

// Guessing the password in an open browser is limited like a sign-in.
func TestOwn_GuessesLimited(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	for range 5 {
		if err := h.own().TurnFactorOff(t.Context(), wrongPassword, h.code()); !errors.Is(err, operators.ErrConfirmation) {
			t.Fatal(err)
		}
	}
	if err := h.own().TurnFactorOff(t.Context(), goodPassword, h.code()); !errors.Is(err, operators.ErrConfirmation) {
		t.Errorf("right password after five wrong ones: %v", err)
	}
	h.Clock.Advance(time.Minute)
	if err := h.own().TurnFactorOff(t.Context(), goodPassword, h.code()); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestDuties(t *testing.T) {
	t.Parallel()
	h := factorWorld{panelWorld: newPanelWorldWithKeys(t)}
	h.auth.RequireFactor = true
	anna := operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.7"}
	password, err := h.auth.Invite(t.Context(), anna, "boris", ports.RoleEditor)
	if err != nil {
		t.Fatal(err)
	}
	if h.session, err = h.signIn("boris", password.Reveal()); err != nil {
		t.Fatal(err)
	}
	duty := func(want operators.Duty) {
		t.Helper()
		r, err := h.auth.Resume(t.Context(), h.session, "192.0.2.7")
		if err != nil || r.Duty != want || (r.Operator.Role == "") != (want != operators.NoDuty) {
			t.Errorf("duty %q, role %q, %v; want %q", r.Duty, r.Operator.Role, err, want)
		}
	}
	own := h.own()
	own.By = operators.Operator{Name: "boris", From: "192.0.2.7"}
	duty(operators.DutyPassword)
	if _, err := own.ChangePassword(t.Context(), password.Reveal(), goodPassword); err != nil {
		t.Fatal(err)
	}
	duty(operators.DutyFactor)
	f, err := own.NewFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.key = keyOf(t, f)
	if _, err := own.TurnFactorOn(t.Context(), f.Token, goodPassword, h.code()); err != nil {
		t.Fatal(err)
	}
	duty(operators.NoDuty)
	if err := h.auth.ResetFactor(t.Context(), anna, "boris"); err != nil {
		t.Fatal(err)
	}
	if h.session, err = h.signIn("boris", goodPassword); err != nil {
		t.Fatal(err)
	}
	duty(operators.DutyFactor)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	anna := operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.7"}
	vera := operators.Operator{Name: "vera", Role: ports.RoleReader, From: "192.0.2.8"}
	if err := h.auth.Add(t.Context(), anna, "vera", ports.RoleReader, goodPassword); err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for range 3 {
		done, err := h.try(operators.SignIn{Name: "vera", Password: goodPassword, From: "192.0.2.8", Browser: "Firefox, Linux"})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, done.Token)
		h.Clock.Advance(time.Minute)
	}
	list := func(by operators.Operator) []operators.SessionView {
		t.Helper()
		_, list, err := h.auth.Account(t.Context(), by, "vera", tokens[1])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	got := list(vera)
	if len(got) != 3 || !got[1].Current || got[0].Current || got[0].Browser != "Firefox, Linux" || !got[0].SeenAt.After(got[2].SeenAt) {
		t.Fatalf("sessions: %+v", got)
	}
	if err := h.auth.EndSession(t.Context(), vera, "vera", got[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.resume(tokens[2]); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("ended session: %v", err)
	}
	if err := h.auth.EndSessions(t.Context(), vera, "vera", tokens[1]); err != nil {
		t.Fatal(err)
	}
	if got := list(anna); len(got) != 1 || got[0].Key != list(vera)[0].Key {
		t.Errorf("sessions that an editor sees: %+v", got)
	}
	if err := h.auth.EndSessions(t.Context(), anna, "vera", ""); err != nil || len(list(anna)) != 0 {
		t.Errorf("sessions after an editor ended them: %+v, %v", list(anna), err)
	}
	for name, err := range map[string]error{
		"see":     third(h.auth.Account(t.Context(), vera, "anna", "")),
		"end one": h.auth.EndSession(t.Context(), vera, "anna", ""),
		"end all": h.auth.EndSessions(t.Context(), vera, "anna", ""),
	} {
		if !errors.Is(err, operators.ErrForbidden) {
			t.Errorf("%s sessions of another person as a reader: %v", name, err)
		}
	}
	ended := 0
	for _, e := range h.Store.Audit() {
		if e.Action == operators.PanelUserSessionsEnded && e.Object == "vera" {
			ended++
		}
	}
	if ended != 3 {
		t.Errorf("%d entries about ended sessions, want 3", ended)
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	anna := operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.7"}
	password, err := h.auth.Invite(t.Context(), anna, "boris", ports.RoleReader)
	if err != nil {
		t.Fatal(err)
	}
	session, err := h.signIn("boris", password.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	find := func() ports.PanelUser {
		t.Helper()
		list, err := h.auth.People(t.Context(), anna)
		if err != nil {
			t.Fatal(err)
		}
		return list[slices.IndexFunc(list, func(u ports.PanelUser) bool { return u.Name == "boris" })]
	}
	if u := find(); u.Role != ports.RoleReader || !u.PasswordTemporary {
		t.Errorf("added: %+v", u)
	}
	if err := h.auth.ChangeRole(t.Context(), anna, "boris", ports.RoleEditor); err != nil || find().Role != ports.RoleEditor {
		t.Errorf("role %s, %v", find().Role, err)
	}
	if _, err := h.resume(session); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("session after a new role: %v", err)
	}
	if err := h.auth.Disable(t.Context(), anna, "boris"); err != nil || find().DisabledAt.IsZero() {
		t.Errorf("disabled at %v, %v", find().DisabledAt, err)
	}
	fresh, err := h.auth.ResetPassword(t.Context(), anna, "boris")
	if err != nil || find().DisabledAt.IsZero() || !find().PasswordTemporary {
		t.Errorf("after a reset: %+v, %v", find(), err)
	}
	if err := h.auth.Enable(t.Context(), anna, "boris"); err != nil {
		t.Error(err)
	}
	if _, err := h.signIn("boris", password.Reveal()); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("old temporary password: %v", err)
	}
	if _, err := h.signIn("boris", fresh.Reveal()); err != nil {
		t.Errorf("new temporary password: %v", err)
	}
}

// Editors cannot change their own accounts as editors, so that the last editor stays
// one. No other role manages people.
func TestPeople_Forbidden(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	ctx := t.Context()
	anna := operators.Operator{Name: "anna", Role: ports.RoleEditor}
	if err := h.auth.Add(ctx, anna, "vera", ports.RoleReader, goodPassword); err != nil {
		t.Fatal(err)
	}
	reader := operators.Operator{Name: "vera", Role: ports.RoleReader}
	pretender := operators.Operator{Name: "vera", Role: ports.RoleEditor} // its role changed since the request began
	for name, do := range map[string]func(by operators.Operator, name string) error{
		"role": func(by operators.Operator, name string) error {
			return h.auth.ChangeRole(ctx, by, name, ports.RoleReader)
		},
		"disable":        func(by operators.Operator, name string) error { return h.auth.Disable(ctx, by, name) },
		"enable":         func(by operators.Operator, name string) error { return h.auth.Enable(ctx, by, name) },
		"reset factor":   func(by operators.Operator, name string) error { return h.auth.ResetFactor(ctx, by, name) },
		"set password":   func(by operators.Operator, name string) error { return h.auth.SetPassword(ctx, by, name, goodPassword) },
		"reset password": func(by operators.Operator, name string) error { return second(h.auth.ResetPassword(ctx, by, name)) },
	} {
		for _, by := range []operators.Operator{reader, pretender, {}} {
			if err := do(by, "anna"); !errors.Is(err, operators.ErrForbidden) {
				t.Errorf("%s by %+v: %v", name, by, err)
			}
		}
		if err := do(anna, "anna"); !errors.Is(err, operators.ErrOwnAccount) {
			t.Errorf("%s of the own account: %v", name, err)
		}
		if err := do(anna, "unknown"); !errors.Is(err, billing.ErrNotFound) {
			t.Errorf("%s of an unknown user: %v", name, err)
		}
	}
	for _, by := range []operators.Operator{reader, pretender, {}} {
		if _, err := h.auth.Invite(ctx, by, "zoe", ports.RoleEditor); !errors.Is(err, operators.ErrForbidden) {
			t.Errorf("invitation by %+v: %v", by, err)
		}
	}
	for _, name := range []string{"", "a b", "billingctl", "anonymous"} {
		if _, err := h.auth.Invite(ctx, anna, name, ports.RoleReader); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}
