package operators_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (w world) endpoints(role ports.Role) operators.Endpoints {
	ids := 0
	return operators.Endpoints{
		Store: w.Store, Clock: w.Clock, Wall: w.Clock.Now,
		NewID:  func() string { ids++; return fmt.Sprint(role, ids) },
		Random: func(n int) []byte { return bytes.Repeat([]byte{byte(ids)}, n) },
		By:     operators.Operator{Name: "anna", Role: role, From: "192.0.2.1"},
	}
}

func TestEndpoints_ChangesAreAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.endpoints(ports.RoleEditor)
	e, secret, err := c.Add(t.Context(), "https://crm.example/billing", billing.EventRenewed)
	if err != nil || secret.IsZero() {
		t.Fatal(err)
	}
	fresh, until, err := c.Rotate(t.Context(), e.ID)
	if err != nil || fresh.Equal(secret.Secret) || until.Sub(w.Clock.Now()) != 24*time.Hour {
		t.Errorf("rotated until %v, %v", until, err)
	}
	from := w.Clock.Now().Add(-time.Hour)
	for name, change := range map[string]func() (billing.Endpoint, error){
		operators.EndpointReplayed: func() (billing.Endpoint, error) { return c.Replay(t.Context(), e.ID, from) },
		operators.EndpointTested:   func() (billing.Endpoint, error) { return c.Test(t.Context(), e.ID) },
		operators.EndpointDisabled: func() (billing.Endpoint, error) { return c.Disable(t.Context(), e.ID) },
	} {
		if _, err := change(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := c.Find(t.Context(), e.ID)
	if err != nil || !got.ReplayFrom.Equal(from) || got.TestAskedAt.IsZero() || got.DisabledAt.IsZero() {
		t.Errorf("the endpoint is %+v, %v", got, err)
	}
	if got, err = c.Enable(t.Context(), e.ID); err != nil || !got.DisabledAt.IsZero() {
		t.Errorf("enabled: %+v, %v", got, err)
	}
	actions := map[string]int{}
	for _, entry := range w.Store.Audit() {
		actions[entry.Action]++
		if text := fmt.Sprint(entry); strings.Contains(text, "whsec_") {
			t.Errorf("the audit has a secret: %s", text)
		}
	}
	for _, action := range []string{operators.EndpointAdded, operators.EndpointRotated, operators.EndpointReplayed, operators.EndpointTested, operators.EndpointDisabled, operators.EndpointEnabled} {
		if actions[action] != 1 {
			t.Errorf("the audit has %d entries %s, want 1", actions[action], action)
		}
	}
}

func TestEndpoints_Refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.endpoints(ports.RoleEditor)
	for _, address := range []string{
		"", "crm", "http://crm.example/", "ftp://crm.example/", "https://", "https:///path", "https://user@crm.example/", "https://u:p@crm.example/",
		"https://crm.example/#part", "https://crm.example/" + strings.Repeat("x", 2000), "https://crm.example:port/", "://",
	} {
		if _, _, err := c.Add(t.Context(), address); !errors.Is(err, billing.Invalid) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%.40s: error %v, want invalid", address, err)
		}
	}
	if _, _, err := c.Add(t.Context(), "https://crm.example/", "", "a b"); !errors.Is(err, billing.Invalid) {
		t.Errorf("wrong types: error %v", err)
	}
	reader := w.endpoints(ports.RoleReader)
	if _, _, err := reader.Add(t.Context(), "https://crm.example/"); !errors.Is(err, operators.ErrForbidden) {
		t.Errorf("a reader adds: error %v", err)
	}
	if _, err := reader.Disable(t.Context(), "x"); !errors.Is(err, operators.ErrForbidden) {
		t.Errorf("a reader disables: error %v", err)
	}
	if _, _, err := reader.Rotate(t.Context(), "x"); !errors.Is(err, operators.ErrForbidden) {
		t.Errorf("a reader rotates: error %v", err)
	}
	if _, err := c.Disable(t.Context(), "x"); !errors.Is(err, billing.ErrEndpointNotFound) {
		t.Errorf("an unknown endpoint: error %v", err)
	}
	if _, err := c.Replay(t.Context(), "x", w.Clock.Now().Add(time.Second)); !errors.Is(err, billing.Invalid) {
		t.Errorf("a replay of the future: error %v", err)
	}
	c.AllowHTTP = true
	if _, _, err := c.Add(t.Context(), "http://crm.example:8080/"); err != nil {
		t.Errorf("http in development: %v", err)
	}
}
