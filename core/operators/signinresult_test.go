package operators_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// boris has no second factor, unlike anna.
func TestPanelAuth_WatchesSignIns(t *testing.T) {
	t.Parallel()
	type results = []operators.SignInResult
	tests := map[string]struct {
		try  func(h factorWorld) error
		err  error
		want results
	}{
		"right password": {func(h factorWorld) error {
			_, err := h.signIn("boris", goodPassword)
			return err
		}, nil, results{operators.SignInSucceeded}},
		"right password, before the code": {func(h factorWorld) error { h.password(); return nil }, nil, nil},
		"right code": {func(h factorWorld) error {
			_, err := h.confirm(h.password(), h.code())
			return err
		}, nil, results{operators.SignInSucceeded}},
		"wrong code": {func(h factorWorld) error {
			_, err := h.confirm(h.password(), "000000")
			return err
		}, operators.ErrSignIn, results{operators.SignInCodeRefused}},
		"wrong password": {func(h factorWorld) error {
			_, err := h.signIn("boris", wrongPassword)
			return err
		}, operators.ErrSignIn, results{operators.SignInPasswordRefused}},
		"unknown name": {func(h factorWorld) error {
			_, err := h.signIn("berta", goodPassword)
			return err
		}, operators.ErrSignIn, results{operators.SignInPasswordRefused}},
		"more attempts than a network may make": {func(h factorWorld) error {
			for range 20 {
				_, _ = h.signIn("berta", wrongPassword)
			}
			_, err := h.signIn("boris", goodPassword)
			return err
		}, operators.ErrTooManySignIns, append(slices.Repeat(results{operators.SignInPasswordRefused}, 20), operators.SignInLimited)},
		"invalid token of a second step": {func(h factorWorld) error {
			_, err := h.confirm("", h.code())
			return err
		}, operators.ErrSignedOut, nil},
		"change of the own account": {func(h factorWorld) error {
			_, err := h.own().ChangePassword(h.T.Context(), wrongPassword, "another horse battery")
			return err
		}, operators.ErrConfirmation, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFactorWorld(t)
			if err := h.auth.Add(t.Context(), operators.CLIOperator(), "boris", ports.RoleReader, goodPassword); err != nil {
				t.Fatal(err)
			}
			var watched results
			h.auth.Watch = func(r operators.SignInResult) { watched = append(watched, r) }
			if err := tt.try(h); !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, watched); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}
