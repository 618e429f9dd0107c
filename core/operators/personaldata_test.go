package operators_test

import (
	"context"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func TestErasure_RefusedWhileSubscribed(t *testing.T) {
	t.Parallel()
	w := billingtest.NewWorld(t)
	w.MustSubscribe()
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Users.Identify(ctx, w.Clock.Now(), billing.User{ID: billingtest.Viewer, Subject: "viewer-17"})
	})
	e := operators.Erasure{Store: w.Store, Clock: w.Clock, NewID: w.NewID, Forgetting: []string{billingtest.System}, By: operators.CLIOperator()}
	erase := func(reason string, want error) billing.Erased {
		t.Helper()
		got, err := e.Erase(t.Context(), billingtest.Viewer, reason)
		billingtest.ExpectError(t, err, want)
		return got
	}
	erase(" ", billing.ErrInvalid)
	erase("request 118", billing.ErrInvalidTransition)
	if subject, _ := w.Store.Views().Subject(t.Context(), billingtest.Viewer); subject != "viewer-17" {
		t.Errorf("a refused erasure left the subject %q", subject)
	}
	support := operators.Support{Store: w.Store, Clock: w.Clock, NewID: w.NewID, By: operators.CLIOperator()}
	if _, err := support.Cancel(t.Context(), operators.Target{User: billingtest.Viewer, Ref: "basic", Reason: "request 118"}, billing.AtOnce); err != nil {
		t.Fatal(err)
	}
	if got := erase(" request 118 ", nil); !got.Subject || got.Methods != 1 {
		t.Errorf("erased %+v", got)
	}
	if subject, _ := w.Store.Views().Subject(t.Context(), billingtest.Viewer); subject != "" {
		t.Errorf("the subject is %q", subject)
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded)
}

// An erasure that comes between the claim of a renewal and its charge is refused.
func TestErasure_RefusedWhileCharged(t *testing.T) {
	t.Parallel()
	w := billingtest.NewWorld(t)
	cmd := billingtest.SubscribeBasic()
	w.Provider.SetFault(billingtest.RequestLost)
	_, _ = w.Process().Subscribe(t.Context(), cmd)
	e := operators.Erasure{Store: w.Store, Clock: w.Clock, NewID: w.NewID, By: operators.CLIOperator()}
	_, err := e.Erase(t.Context(), billingtest.Viewer, "x")
	billingtest.ExpectError(t, err, billing.ErrInvalidTransition)
}

func TestNotes_Rights(t *testing.T) {
	t.Parallel()
	w := billingtest.NewWorld(t)
	const user = billing.UserID("11111111-1111-4111-8111-111111111111")
	for name, tt := range map[string]struct {
		by   operators.Operator
		user billing.UserID
		text string
		want error
	}{
		"editor":   {operators.Operator{Name: "anna", Role: ports.RoleEditor}, user, "calls each monday", nil},
		"support":  {operators.Operator{Name: "sonya", Role: ports.RoleSupport}, user, "calls each monday", nil},
		"reader":   {operators.Operator{Name: "vera", Role: ports.RoleReader}, user, "x", operators.ErrForbidden},
		"no name":  {operators.Operator{Role: ports.RoleEditor}, user, "x", operators.ErrForbidden},
		"no text":  {operators.CLIOperator(), user, " ", billing.ErrInvalid},
		"no user":  {operators.CLIOperator(), "me", "x", billing.ErrNotFound},
		"too long": {operators.CLIOperator(), user, strings.Repeat("x", billing.MaxNote+1), billing.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := operators.Notes{Store: w.Store, Clock: w.Clock, NewID: w.NewID}.For(tt.by).Add(t.Context(), tt.user, tt.text)
			billingtest.ExpectError(t, err, tt.want)
			if err == nil && (n.By != tt.by.Name || n.Text != tt.text || !n.CreatedAt.Equal(w.Clock.Now())) {
				t.Errorf("the note is %+v", n)
			}
		})
	}
}
