package operators_test

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// factorWorld is a panelWorld with keys. Its anna has a second factor.
type factorWorld struct {
	panelWorld
	key      []byte
	recovery []billing.Secret
	session  string // turned it on
}

func newFactorWorld(t *testing.T) factorWorld {
	t.Helper()
	h := factorWorld{panelWorld: newPanelWorldWithKeys(t)}
	var err error
	if h.session, err = h.signIn("anna", goodPassword); err != nil {
		t.Fatal(err)
	}
	h.turnOn()
	h.nextStep()
	return h
}

func newPanelWorldWithKeys(t *testing.T) panelWorld {
	t.Helper()
	h := newPanelWorld(t)
	keys, err := vault.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	h.auth.Keys = keys
	return h
}

func (h *factorWorld) turnOn() {
	h.T.Helper()
	f, err := h.own().NewFactor(h.T.Context())
	if err != nil {
		h.T.Fatal(err)
	}
	h.key = keyOf(h.T, f)
	if h.recovery, err = h.own().TurnFactorOn(h.T.Context(), f.Token, goodPassword, h.code()); err != nil {
		h.T.Fatal(err)
	}
}

func (h *factorWorld) own() operators.Own {
	by := operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.7"}
	return operators.Own{PanelAuth: h.auth, By: by, Token: h.session}
}

func (h *factorWorld) code() string { return operators.TOTPCode(h.key, h.Clock.Now()) }

func (h *factorWorld) nextStep() { h.Clock.Advance(30 * time.Second) }

// password takes the first step of a sign-in.
func (h *factorWorld) password() string {
	h.T.Helper()
	done, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword, From: "192.0.2.7"})
	if err != nil || done.Token != "" || done.Device != "" || done.Step == "" {
		h.T.Fatalf("first step: session %t, device %t, step %t, %v", done.Token != "", done.Device != "", done.Step != "", err)
	}
	return done.Step
}

func (h *factorWorld) confirm(step, code string) (operators.SignedIn, error) {
	return h.auth.ConfirmCode(h.T.Context(), operators.SecondStep{Token: step, Code: code, From: "192.0.2.7"})
}

func TestConfirmCode(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	step := h.password()
	if _, err := h.resume(step); !errors.Is(err, operators.ErrSignedOut) {
		t.Errorf("the token of the second step as a session: %v", err)
	}
	if _, err := h.confirm(step, "000000"); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("wrong code: %v", err)
	}
	done, err := h.confirm(step, h.code())
	if err != nil {
		t.Fatal(err)
	}
	if op, err := h.resume(done.Token); op.Name != "anna" || op.Role != ports.RoleEditor || err != nil {
		t.Errorf("session: %+v, %v", op, err)
	}
	for name, try := range map[string]string{"same code": h.code(), "no code": ""} {
		if _, err := h.confirm(h.password(), try); !errors.Is(err, operators.ErrSignIn) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.nextStep()
	if _, err := h.confirm(h.password(), h.recovery[0].Reveal()); err != nil {
		t.Errorf("recovery code: %v", err)
	}
	if _, err := h.confirm(h.password(), h.recovery[0].Reveal()); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("same recovery code: %v", err)
	}
}

// Each attempt has a token that was valid before the change.
func TestConfirmCode_TokenEnds(t *testing.T) {
	t.Parallel()
	cli := operators.CLIOperator()
	tests := map[string]func(h *factorWorld, step string) (changed string, err error){
		"after five minutes": func(h *factorWorld, step string) (string, error) {
			h.Clock.Advance(operators.SecondStepMax + time.Second)
			return step, nil
		},
		"after a new password": func(h *factorWorld, step string) (string, error) {
			return step, h.auth.SetPassword(h.T.Context(), cli, "anna", "another horse battery")
		},
		"after a reset": func(h *factorWorld, step string) (string, error) {
			return step, h.auth.ResetFactor(h.T.Context(), cli, "anna")
		},
		"of a disabled user": func(h *factorWorld, step string) (string, error) {
			return step, h.auth.Disable(h.T.Context(), cli, "anna")
		},
		"of another user": func(h *factorWorld, step string) (string, error) {
			raw, err := base64.RawURLEncoding.DecodeString(step)
			return base64.RawURLEncoding.EncodeToString([]byte(strings.TrimSuffix(string(raw), "anna") + "boris")), err
		},
		"with another time": func(_ *factorWorld, step string) (string, error) {
			raw, err := base64.RawURLEncoding.DecodeString(step)
			raw[7]++
			return base64.RawURLEncoding.EncodeToString(raw), err
		},
		"empty":     func(*factorWorld, string) (string, error) { return "", nil },
		"no base64": func(*factorWorld, string) (string, error) { return "!!", nil },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFactorWorld(t)
			if err := h.auth.Add(t.Context(), operators.CLIOperator(), "boris", ports.RoleReader, goodPassword); err != nil {
				t.Fatal(err)
			}
			step, err := end(&h, h.password())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.confirm(step, h.code()); !errors.Is(err, operators.ErrSignedOut) {
				t.Errorf("%v, want %v", err, operators.ErrSignedOut)
			}
		})
	}
}

// A right password does not reset the count of wrong codes. Other networks can still
// sign in, at most once a minute.
func TestConfirmCode_GuessesLimited(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	for range 5 {
		if _, err := h.confirm(h.password(), "000000"); !errors.Is(err, operators.ErrSignIn) {
			t.Fatal(err)
		}
	}
	if _, err := h.confirm(h.password(), h.code()); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("right code after five wrong ones: %v", err)
	}
	from := func(n int, code string) error {
		_, err := h.auth.ConfirmCode(t.Context(), operators.SecondStep{Token: h.password(), Code: code, From: fmt.Sprintf("198.51.100.%d", n)})
		return err
	}
	for n := range 5 {
		if err := from(n, "000000"); !errors.Is(err, operators.ErrSignIn) {
			t.Fatal(err)
		}
	}
	if err := from(10, "000000"); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("first code after ten failures: %v", err)
	}
	if err := from(11, "000000"); !errors.Is(err, operators.ErrTooManySignIns) {
		t.Errorf("second code in the minute: %v", err)
	}
	h.Clock.Advance(time.Minute)
	if err := from(12, h.code()); err != nil {
		t.Errorf("right code after a minute: %v", err)
	}
	failed := 0
	for _, e := range h.Store.Audit() {
		if e.Action == operators.PanelUserSignInFailed && e.After["step"] == "code" {
			failed++
		}
	}
	if failed != 11 {
		t.Errorf("%d wrong codes are audited, want 11", failed)
	}
}

// Two sign-ins with one code: the second finds it used, although it was compared before.
func TestConfirmCode_SameCodeAtOnce(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	first, second := h.password(), h.password()
	h.auth.Throttle.Wait = func(context.Context, time.Duration) error { return nil }
	code := h.code()
	results := make(chan error, 2)
	for _, step := range []string{first, second} {
		go func() {
			_, err := h.confirm(step, code)
			results <- err
		}()
	}
	a, b := <-results, <-results
	if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), operators.ErrSignIn) {
		t.Errorf("results %v and %v, want one success", a, b)
	}
}

func TestSignIn_FactorNeedsKeys(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	h.auth.Keys = nil
	if _, err := h.signIn("anna", goodPassword); !errors.Is(err, operators.ErrNoFactorKeys) {
		t.Errorf("%v, want %v", err, operators.ErrNoFactorKeys)
	}
}

// No secret of a second factor is in the audit.
func TestFactor_AuditHasNoSecret(t *testing.T) {
	t.Parallel()
	h := newFactorWorld(t)
	code := h.code()
	if _, err := h.confirm(h.password(), code); err != nil {
		t.Fatal(err)
	}
	h.nextStep()
	renewed, err := h.own().RenewRecovery(t.Context(), goodPassword, h.code())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v", h.Store.Audit())
	secrets := []string{code, string(h.key), base32.StdEncoding.EncodeToString(h.key)}
	for _, s := range append(h.recovery, renewed...) {
		secrets = append(secrets, s.Reveal(), strings.ReplaceAll(s.Reveal(), "-", ""))
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("the audit contains %q", s)
		}
	}
}

func keyOf(t *testing.T, f operators.NewFactor) []byte {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(f.Key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return key
}
