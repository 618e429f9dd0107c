package operators_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

const wrongPassword = "wrong horse battery"

// attack fails to sign in as anna n times from an address.
func (h panelWorld) attack(n int, from string) {
	h.T.Helper()
	for range n {
		if _, err := h.try(operators.SignIn{Name: "anna", Password: wrongPassword, From: from}); err == nil {
			h.T.Fatal("a wrong password is admitted")
		}
	}
}

func TestSignIn_AttackRefusesOnlyItsNetwork(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attacker, owner string
		want            error
	}{
		"same IPv4 address":         {"198.51.100.1", "198.51.100.1", operators.ErrSignIn},
		"mapped IPv4 address":       {"198.51.100.1", "::ffff:198.51.100.1", operators.ErrSignIn},
		"another IPv4 address":      {"198.51.100.1", "198.51.100.2", nil},
		"same /64":                  {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", operators.ErrSignIn},
		"another /64":               {"2001:db8:0:1::1", "2001:db8:0:2::1", nil},
		"zone of a link-local /64":  {"fe80::1%eth0", "fe80::2", operators.ErrSignIn},
		"unknown address, attacked": {"unknown", "", operators.ErrSignIn},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPanelWorld(t)
			h.attack(5, tt.attacker)
			if _, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword, From: tt.owner}); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSignIn_LongAttackNeverLocksOut(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	for hour := range 24 {
		for n := range 8 {
			h.attack(5, fmt.Sprintf("198.51.%d.%d", hour, n))
			h.Clock.Advance(7 * time.Minute)
		}
		owner := operators.SignIn{Name: "anna", Password: goodPassword, From: fmt.Sprintf("192.0.2.%d", hour)}
		if _, err := h.try(owner); err != nil {
			t.Fatalf("hour %d: %v", hour, err)
		}
	}
}

func TestSignIn_KnownDevice(t *testing.T) {
	t.Parallel()
	const network = "198.51.100.1"
	signIn := func(h panelWorld, name string) string {
		done, err := h.try(operators.SignIn{Name: name, Password: goodPassword, From: network})
		if err != nil {
			h.T.Fatal(err)
		}
		return done.Device
	}
	tests := map[string]struct {
		device func(h panelWorld) string
		want   error
	}{
		"device of the account": {func(h panelWorld) string { return signIn(h, "anna") }, nil},
		"unknown device":        {func(panelWorld) string { return "" }, operators.ErrSignIn},
		"forged token":          {func(h panelWorld) string { return strings.Repeat("A", len(signIn(h, "anna"))) }, operators.ErrSignIn},
		"changed token":         {func(h panelWorld) string { return "B" + signIn(h, "anna")[1:] }, operators.ErrSignIn},
		"device of another account": {func(h panelWorld) string {
			if err := h.auth.Add(h.T.Context(), operators.CLIOperator(), "boris", ports.RoleReader, goodPassword); err != nil {
				h.T.Fatal(err)
			}
			return signIn(h, "boris")
		}, operators.ErrSignIn},
		"expired token": {func(h panelWorld) string {
			device := signIn(h, "anna")
			h.Clock.Advance(operators.DeviceMax + time.Second)
			return device
		}, operators.ErrSignIn},
		"token from before a new password": {func(h panelWorld) string {
			device := signIn(h, "anna")
			if err := h.auth.SetPassword(h.T.Context(), operators.CLIOperator(), "anna", goodPassword+"!"); err != nil {
				h.T.Fatal(err)
			}
			if err := h.auth.SetPassword(h.T.Context(), operators.CLIOperator(), "anna", "another horse battery"); err != nil {
				h.T.Fatal(err)
			}
			return device
		}, operators.ErrSignIn},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPanelWorld(t)
			device := tt.device(h)
			h.attack(20, network)
			password := goodPassword
			if strings.Contains(name, "new password") {
				password = "another horse battery"
			}
			_, err := h.try(operators.SignIn{Name: "anna", Password: password, From: network, Device: device})
			if tt.want == nil && err != nil || tt.want != nil && err == nil {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSignIn_KnownDeviceHasOwnFailures(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	done, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword, From: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	known := operators.SignIn{Name: "anna", Password: wrongPassword, From: "192.0.2.1", Device: done.Device}
	for range 5 {
		known.From = "192.0.2.2" // another network does not reset the count
		if _, err := h.try(known); !errors.Is(err, operators.ErrSignIn) {
			t.Fatal(err)
		}
	}
	known.Password = goodPassword
	if _, err := h.try(known); !errors.Is(err, operators.ErrSignIn) {
		t.Errorf("sixth attempt of the device: %v, want %v", err, operators.ErrSignIn)
	}
	known.Device = ""
	if _, err := h.try(known); err != nil {
		t.Errorf("attempt of another browser in the network: %v", err)
	}
}

func TestSignIn_ComparesOneHash(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]operators.SignIn{
		"right password":             {Name: "anna", Password: goodPassword},
		"unknown name":               {Name: "berta", Password: goodPassword},
		"invalid name":               {Name: "<anna>", Password: goodPassword},
		"73 bytes":                   {Name: "anna", Password: strings.Repeat("a", 73)},
		"73 bytes, unknown name":     {Name: "berta", Password: strings.Repeat("a", 73)},
		"no password":                {Name: "anna"},
		"refused network":            {Name: "anna", Password: goodPassword, From: "198.51.100.1"},
		"73 bytes, refused network":  {Name: "anna", Password: strings.Repeat("a", 73), From: "198.51.100.1"},
		"disabled account":           {Name: "carol", Password: goodPassword},
		"disabled account, 73 bytes": {Name: "carol", Password: strings.Repeat("a", 73)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPanelWorld(t)
			if err := errors.Join(
				h.auth.Add(t.Context(), operators.CLIOperator(), "carol", ports.RoleReader, goodPassword),
				h.auth.Disable(t.Context(), operators.CLIOperator(), "carol"),
			); err != nil {
				t.Fatal(err)
			}
			h.attack(5, "198.51.100.1")
			before := *h.compared
			_, _ = h.try(s)
			if n := *h.compared - before; n != 1 {
				t.Errorf("%d comparisons, want 1", n)
			}
		})
	}
}

func TestSignIn_AccountUnderAttackIsSlow(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	h.attack(5, "198.51.100.1")
	h.attack(5, "198.51.100.2")
	var pauses []time.Duration
	h.auth.Throttle.Wait = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil } // at the same moment
	var errs []error
	for n := range 6 {
		_, err := h.try(operators.SignIn{Name: "anna", Password: wrongPassword, From: fmt.Sprintf("203.0.113.%d", n)})
		errs = append(errs, err)
	}
	if diff := cmp.Diff([]time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	for i, want := range []error{operators.ErrSignIn, operators.ErrSignIn, operators.ErrSignIn, operators.ErrSignIn, operators.ErrTooManySignIns, operators.ErrTooManySignIns} {
		if !errors.Is(errs[i], want) {
			t.Errorf("attempt %d: %v, want %v", i+1, errs[i], want)
		}
	}
	h.Clock.Advance(3 * time.Second)
	if _, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword, From: "192.0.2.7"}); err != nil || len(pauses) != 4 {
		t.Errorf("right password three seconds later: %v after the pauses %v", err, pauses)
	}
	pauses = nil
	_, err := h.try(operators.SignIn{Name: "berta", Password: wrongPassword, From: "192.0.2.7"})
	if !errors.Is(err, operators.ErrSignIn) || pauses != nil {
		t.Errorf("another account: %v after the pauses %v", err, pauses)
	}
}

// heldPasswords compares no password before release is closed.
type heldPasswords struct {
	ports.Passwords
	entered chan struct{}
	release chan struct{}
}

func (p heldPasswords) Matches(hash billing.Secret, password string) bool {
	p.entered <- struct{}{}
	<-p.release
	return hash.Reveal() == "hash of "+password
}

func TestSignIn_ConcurrencyBounded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from func(n int) string
		want int // attempts that are admitted
	}{
		"one /64":       {func(n int) string { return fmt.Sprintf("2001:db8::%x", n) }, 2},
		"many networks": {func(n int) string { return fmt.Sprintf("198.51.100.%d", n) }, 8},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPanelWorld(t)
			own, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword, From: "192.0.2.7"})
			if err != nil {
				t.Fatal(err)
			}
			held := heldPasswords{h.auth.Passwords, make(chan struct{}, 100), make(chan struct{})}
			h.auth.Passwords = held
			const attackers = 60
			errs := make(chan error, attackers+1)
			for n := range attackers {
				go func() {
					_, err := h.try(operators.SignIn{Name: fmt.Sprint("name", n), Password: wrongPassword, From: tt.from(n)})
					errs <- err
				}()
			}
			for range attackers - tt.want {
				if err := <-errs; !errors.Is(err, operators.ErrTooManySignIns) {
					t.Errorf("attacker: %v, want %v", err, operators.ErrTooManySignIns)
				}
			}
			go func() {
				_, err := h.try(operators.SignIn{Name: "anna", Password: goodPassword, From: tt.from(0), Device: own.Device})
				errs <- err
			}()
			for range tt.want + 1 { // the attackers and the known device compare at the same time
				<-held.entered
			}
			close(held.release)
			admitted := 0
			for range tt.want + 1 {
				if <-errs == nil {
					admitted++
				}
			}
			if admitted != 1 {
				t.Errorf("%d sign-ins succeeded, want that of the known device", admitted)
			}
		})
	}
}

func TestSignIn_NewPasswordEndsRefusal(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	h.attack(9, "192.0.2.7")
	if err := h.auth.SetPassword(t.Context(), operators.CLIOperator(), "anna", "another horse battery"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("anna", "another horse battery"); err != nil {
		t.Error(err)
	}
}

func TestSignIn_FailuresAudited(t *testing.T) {
	t.Parallel()
	h := newPanelWorld(t)
	h.attack(5, "198.51.100.1")
	for n := range 300 {
		name := fmt.Sprint("pass-word-typed-as-name", n)
		if _, err := h.try(operators.SignIn{Name: name, Password: wrongPassword, From: fmt.Sprintf("2001:db8:0:%x::1", n)}); !errors.Is(err, operators.ErrSignIn) {
			t.Fatal(err)
		}
	}
	counts := map[string]int{}
	for _, e := range h.Store.Audit() {
		if strings.Contains(fmt.Sprint(e), "typed-as-name") {
			t.Errorf("the audit contains the name of an unknown account: %+v", e)
		}
		if e.Operator == operators.Anonymous {
			counts[e.Action+" "+e.Object]++
		}
	}
	want := map[string]int{
		operators.PanelUserSignInFailed + " anna": 5, operators.PanelUserLockedOut + " anna": 1,
		operators.PanelUserSignInFailed + " ": 100, // the rest of the hour is only logged
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("audit entries (-want +got):\n%s", diff)
	}
	h.Clock.Advance(time.Hour)
	_, _ = h.try(operators.SignIn{Name: "berta", Password: wrongPassword, From: "192.0.2.8"})
	if last := h.Store.Audit()[len(h.Store.Audit())-1]; last.Action != operators.PanelUserSignInFailed || last.From != "192.0.2.8" {
		t.Errorf("last entry an hour later: %+v", last)
	}
}
