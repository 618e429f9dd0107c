package operators_test

import (
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

// plainPasswords hashes nothing, and counts how often it looked. Like bcrypt, it
// looks at no more than 72 bytes.
type plainPasswords struct{ looked *int }

func (plainPasswords) Hash(p string) (billing.Secret, error) {
	return billing.NewSecret("hash of " + p), nil
}

func (p plainPasswords) Matches(hash billing.Secret, password string) bool {
	*p.looked++
	return hash.Reveal() == "hash of "+password[:min(len(password), 72)]
}

// house is a door with one person behind it.
type house struct {
	world
	door   operators.PanelAuth
	looked *int
}

func newHouse(t *testing.T) house {
	t.Helper()
	w := newWorld(t)
	h := house{world: w, looked: new(int)}
	h.door = operators.PanelAuth{Store: w.Store, Wall: w.Clock, NewID: w.NewID, Passwords: plainPasswords{h.looked}}
	if err := h.door.Add(t.Context(), operators.CLIOperator(), "anna", ports.RoleEditor, goodPassword); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h house) signIn(name, password string) (string, error) {
	return h.door.SignIn(h.T.Context(), name, password, "192.0.2.7")
}

func (h house) in(token string) (operators.Operator, error) {
	op, _, err := h.door.Resume(h.T.Context(), token, "192.0.2.9")
	return op, err
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.signIn("anna", goodPassword)
	if err != nil || first == second {
		t.Errorf("the second token: %v, the same: %v", err, first == second)
	}
	op, err := h.in(first)
	if diff := cmp.Diff(operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.9"}, op); diff != "" || err != nil {
		t.Errorf("who is in: %v\n%s", err, diff)
	}
	if err := h.door.SignOut(t.Context(), first); err != nil {
		t.Error(err)
	}
	if _, err := h.in(first); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("after signing out: %v", err)
	}
	if _, err := h.in(second); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

func TestSignInIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, try := range map[string][2]string{
		"a wrong password":     {"anna", "wrong horse battery"},
		"nobody":               {"berta", goodPassword},
		"no name":              {"", goodPassword},
		"no password":          {"anna", ""},
		"a name that is SQL":   {"' OR 1=1 --", goodPassword},
		"a very long name":     {strings.Repeat("a", 1000), goodPassword},
		"a very long password": {"anna", strings.Repeat("a", 73)},
	} {
		before := *h.looked
		if _, err := h.signIn(try[0], try[1]); !errors.Is(err, operators.ErrSignIn) {
			t.Errorf("%s: %v", name, err)
		}
		// Whoever is refused for another reason must not be quicker.
		if try[1] != "" && len(try[1]) <= 72 && *h.looked != before+1 {
			t.Errorf("%s: looked at %d passwords, want 1", name, *h.looked-before)
		}
	}
}

func TestALongPasswordIsNotCut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	longest := strings.Repeat("horse battery", 6)[:72]
	if err := h.door.Add(t.Context(), operators.CLIOperator(), "berta", ports.RoleReader, longest); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("berta", longest+"x"); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := h.signIn("berta", longest); err != nil {
		t.Error(err)
	}
}

func TestLockOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 5 {
		if _, err := h.signIn("anna", "wrong horse battery"); !errors.Is(err, operators.ErrSignIn) {
			t.Fatal(err)
		}
	}
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("the right password, locked out: %v", err)
	}
	h.Clock.Advance(time.Minute)
	if _, err := h.signIn("anna", "wrong horse battery"); !errors.Is(err, operators.ErrSignIn) {
		t.Error(err)
	}
	h.Clock.Advance(time.Minute)
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("one more wrong password and a minute: %v, want a longer lock-out", err)
	}
	h.Clock.Advance(time.Minute)
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("after two minutes: %v", err)
	}
	if _, err := h.signIn("anna", "wrong horse battery"); !errors.Is(err, operators.ErrSignIn) {
		t.Error(err)
	}
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("failures before a success still count: %v", err)
	}
	locked := 0
	for _, e := range h.Store.Audit() {
		if e.Action == operators.PanelUserLockedOut {
			locked++
		}
		for _, facts := range []ports.Facts{e.Before, e.After} {
			for _, value := range facts {
				if strings.Contains(value, "horse") {
					t.Errorf("a password is in the audit: %+v", e)
				}
			}
		}
	}
	if locked != 2 {
		t.Errorf("%d lock-outs audited, want 2", locked)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]func(h house) error{
		"unused for two hours": func(h house) error { h.Clock.Advance(operators.SessionIdle); return nil },
		"used, for twelve hours": func(h house) error {
			for range 12 {
				h.Clock.Advance(time.Hour)
			}
			return nil
		},
		"the person is disabled": func(h house) error { return h.door.Disable(h.T.Context(), operators.CLIOperator(), "anna") },
		"another password": func(h house) error {
			return h.door.SetPassword(h.T.Context(), operators.CLIOperator(), "anna", "another horse battery")
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			token, err := h.signIn("anna", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			h.Clock.Advance(operators.SessionIdle - time.Second)
			if _, err := h.in(token); err != nil {
				t.Fatalf("just before: %v", err)
			}
			if err := end(h); err != nil {
				t.Fatal(err)
			}
			if _, err := h.in(token); !errors.Is(err, operators.ErrSignedOut) {
				t.Errorf("%v, want %v", err, operators.ErrSignedOut)
			}
		})
	}
}

func TestASessionThatIsUsedLasts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	for range 11 {
		h.Clock.Advance(time.Hour)
		if _, err := h.in(token); err != nil {
			t.Fatal(err)
		}
	}
	h.Clock.Advance(time.Hour)
	if _, err := h.in(token); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("after twelve hours: %v", err)
	}
}

func TestATokenOfOnesOwnIsWorthNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "attacker-fixed-sid-123", strings.Repeat("a", 52)} {
		if _, err := h.in(token); !errors.Is(err, operators.ErrSignedOut) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestWhoIsDisabledIsNotLetIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if err := h.door.Disable(t.Context(), operators.CLIOperator(), "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrSignIn) {
		t.Error(err)
	}
	if err := h.door.SetPassword(t.Context(), operators.CLIOperator(), "anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("anna", goodPassword); err != nil {
		t.Errorf("with a new password: %v", err)
	}
}

func TestPanelUsersThatWillNotDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, try := range map[string]struct {
		person, password string
		role             ports.Role
		want             error
	}{
		"a short password":         {"berta", "elevenchars", ports.RoleReader, billing.ErrInvalid},
		"a long password":          {"berta", strings.Repeat("ab", 37), ports.RoleReader, billing.ErrInvalid},
		"one letter over and over": {"berta", strings.Repeat("a", 20), ports.RoleReader, billing.ErrInvalid},
		"the name in it":           {"berta", "Berta-password", ports.RoleReader, billing.ErrInvalid},
		"no such role":             {"berta", goodPassword, "owner", billing.ErrInvalid},
		"no name":                  {"", goodPassword, ports.RoleReader, billing.ErrInvalid},
		"a name with markup":       {"<b>", goodPassword, ports.RoleReader, billing.ErrInvalid},
		"a name that is taken":     {"anna", goodPassword, ports.RoleReader, billing.ErrAlreadyExists},
	} {
		if err := h.door.Add(t.Context(), operators.CLIOperator(), try.person, try.role, try.password); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if err := h.door.SetPassword(t.Context(), operators.CLIOperator(), "nobody", goodPassword); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("password of nobody: %v", err)
	}
	list, err := h.door.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "anna" {
		t.Errorf("people: %+v, %v", list, err)
	}
}

func TestLanguageIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, err := h.signIn("anna", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	op, err := h.in(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.door.SetLanguage(t.Context(), op, "ru"); err != nil {
		t.Fatal(err)
	}
	if _, language, err := h.door.Resume(t.Context(), token, ""); language != "ru" || err != nil {
		t.Errorf("%q, %v", language, err)
	}
}
