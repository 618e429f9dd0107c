package operators_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

const goodPassword = "correct horse battery"

// plainPasswords is a fast [ports.Passwords] that counts its comparisons. Like
// bcrypt, it ignores all but the first 72 bytes.
type plainPasswords struct{ compared *int }

func (plainPasswords) Hash(p string) (billing.Secret, error) {
	return billing.NewSecret("hash of " + p), nil
}

func (p plainPasswords) Matches(hash billing.Secret, password string) bool {
	*p.compared++
	return hash.Reveal() == "hash of "+password[:min(len(password), 72)]
}

// panelWorld is a world whose panel has one user, the editor anna.
type panelWorld struct {
	world
	auth     operators.PanelAuth
	compared *int // password comparisons so far
}

func newPanelWorld(t *testing.T) panelWorld {
	t.Helper()
	w := newWorld(t)
	h := panelWorld{world: w, compared: new(int)}
	throttle := operators.NewThrottle()
	throttle.Wait = func(_ context.Context, d time.Duration) error { w.Clock.Advance(d); return nil }
	h.auth = operators.PanelAuth{Store: w.Store, Wall: w.Clock, NewID: w.NewID, Passwords: plainPasswords{h.compared}, Throttle: throttle}
	if err := h.auth.Add(t.Context(), operators.CLIOperator(), "anna", ports.RoleEditor, goodPassword); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h panelWorld) signIn(name, password string) (string, error) {
	done, err := h.try(operators.SignIn{Name: name, Password: password, From: "192.0.2.7"})
	return done.Token, err
}

func (h panelWorld) try(s operators.SignIn) (operators.SignedIn, error) {
	return h.auth.SignIn(h.T.Context(), s)
}

func (h panelWorld) resume(token string) (operators.Operator, error) {
	r, err := h.auth.Resume(h.T.Context(), token, "192.0.2.9")
	return r.Operator, err
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	first, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.signIn("anna", goodPassword)
	if err != nil || first == second {
		t.Errorf("second sign-in: %v, same token: %v", err, first == second)
	}
	op, err := h.resume(first)
	if diff := cmp.Diff(operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.9"}, op); diff != "" || err != nil {
		t.Errorf("operator of the session: %v\n%s", err, diff)
	}
	if err := h.auth.SignOut(t.Context(), first); err != nil {
		t.Error(err)
	}
	if _, err := h.resume(first); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("after sign-out: %v", err)
	}
	if _, err := h.resume(second); err != nil {
		t.Errorf("other session after sign-out: %v", err)
	}
}

func TestSignIn_Refused(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	for name, try := range map[string][2]string{
		"wrong password":     {"anna", "wrong horse battery"},
		"unknown name":       {"berta", goodPassword},
		"no name":            {"", goodPassword},
		"no password":        {"anna", ""},
		"SQL as name":        {"' OR 1=1 --", goodPassword},
		"very long name":     {strings.Repeat("a", 1000), goodPassword},
		"very long password": {"anna", strings.Repeat("a", 73)},
	} {
		before := *h.compared
		if _, err := h.signIn(try[0], try[1]); !errors.Is(err, operators.ErrSignIn) {
			t.Errorf("%s: %v", name, err)
		}
		// Without the comparison, the response time would reveal which names exist.
		if *h.compared != before+1 {
			t.Errorf("%s: %d password comparisons, want 1", name, *h.compared-before)
		}
	}
}

func TestSignIn_LongPasswordNotTruncated(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	longest := strings.Repeat("horse battery", 6)[:72]
	if err := h.auth.Add(t.Context(), operators.CLIOperator(), "berta", ports.RoleReader, longest); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("berta", longest+"x"); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := h.signIn("berta", longest); err != nil {
		t.Error(err)
	}
}

func TestSignIn_LockOut(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	for range 5 {
		if _, err := h.signIn("anna", "wrong horse battery"); !errors.Is(err, operators.ErrSignIn) {
			t.Fatal(err)
		}
	}
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("right password during the lock-out: %v", err)
	}
	h.Clock.Advance(time.Minute)
	if _, err := h.signIn("anna", "wrong horse battery"); !errors.Is(err, operators.ErrSignIn) {
		t.Error(err)
	}
	h.Clock.Advance(time.Minute)
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("a minute after a sixth wrong password: %v, want a longer lock-out", err)
	}
	h.Clock.Advance(time.Minute)
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("two minutes after it: %v", err)
	}
	if _, err := h.signIn("anna", "wrong horse battery"); !errors.Is(err, operators.ErrSignIn) {
		t.Error(err)
	}
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("after a success and one wrong password: %v", err)
	}
	locked := 0
	for _, e := range h.Store.Audit() {
		if e.Action == operators.PanelUserLockedOut {
			locked++
		}
		for _, facts := range []ports.Facts{e.Before, e.After} {
			for _, value := range facts {
				if strings.Contains(value, "horse") {
					t.Errorf("the audit contains a password: %+v", e)
				}
			}
		}
	}
	if locked != 2 {
		t.Errorf("%d lock-outs audited, want 2", locked)
	}
}

func TestSession_Ends(t *testing.T) {
	t.Parallel()
	tests := map[string]func(h panelWorld) error{
		"unused for two hours": func(h panelWorld) error { h.Clock.Advance(operators.SessionIdle); return nil },
		"used for twelve hours": func(h panelWorld) error {
			for range 12 {
				h.Clock.Advance(time.Hour)
			}
			return nil
		},
		"user disabled": func(h panelWorld) error { return h.auth.Disable(h.T.Context(), operators.CLIOperator(), "anna") },
		"password changed": func(h panelWorld) error {
			return h.auth.SetPassword(h.T.Context(), operators.CLIOperator(), "anna", "another horse battery")
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPanelWorld(t)
			token, err := h.signIn("anna", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			h.Clock.Advance(operators.SessionIdle - time.Second)
			if _, err := h.resume(token); err != nil {
				t.Fatalf("before the end: %v", err)
			}
			if err := end(h); err != nil {
				t.Fatal(err)
			}
			if _, err := h.resume(token); !errors.Is(err, operators.ErrSignedOut) {
				t.Errorf("%v, want %v", err, operators.ErrSignedOut)
			}
		})
	}
}

func TestSession_UseProlongs(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	token, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	for range 11 {
		h.Clock.Advance(time.Hour)
		if _, err := h.resume(token); err != nil {
			t.Fatal(err)
		}
	}
	h.Clock.Advance(time.Hour)
	if _, err := h.resume(token); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("after twelve hours: %v", err)
	}
}

func TestSession_UnknownToken(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "attacker-fixed-sid-123", strings.Repeat("a", 52)} {
		if _, err := h.resume(token); !errors.Is(err, operators.ErrSignedOut) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestSignIn_DisabledUser(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	if err := h.auth.Disable(t.Context(), operators.CLIOperator(), "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Error(err)
	}
	if err := h.auth.SetPassword(t.Context(), operators.CLIOperator(), "anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("after a new password: %v", err)
	}
}

func TestAddPanelUser_Invalid(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	for name, try := range map[string]struct {
		user, password string
		role           ports.Role
		want           error
	}{
		"short password":       {"berta", "elevenchars", ports.RoleReader, billing.ErrInvalid},
		"long password":        {"berta", strings.Repeat("ab", 37), ports.RoleReader, billing.ErrInvalid},
		"one repeated letter":  {"berta", strings.Repeat("a", 20), ports.RoleReader, billing.ErrInvalid},
		"name in the password": {"berta", "Berta-password", ports.RoleReader, billing.ErrInvalid},
		"unknown role":         {"berta", goodPassword, "owner", billing.ErrInvalid},
		"no name":              {"", goodPassword, ports.RoleReader, billing.ErrInvalid},
		"name with markup":     {"<b>", goodPassword, ports.RoleReader, billing.ErrInvalid},
		"taken name":           {"anna", goodPassword, ports.RoleReader, billing.ErrAlreadyExists},
	} {
		if err := h.auth.Add(t.Context(), operators.CLIOperator(), try.user, try.role, try.password); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if err := h.auth.SetPassword(t.Context(), operators.CLIOperator(), "nobody", goodPassword); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("password of an unknown user: %v", err)
	}
	list, err := h.auth.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "anna" {
		t.Errorf("users: %+v, %v", list, err)
	}
}

func TestSetLanguage(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	token, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	op, err := h.resume(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.auth.SetLanguage(t.Context(), op, "ru"); err != nil {
		t.Fatal(err)
	}
	if r, err := h.auth.Resume(t.Context(), token, ""); r.Language != "ru" || err != nil {
		t.Errorf("language %q, %v", r.Language, err)
	}
}
