package billing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestNewPaymentMethod(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, token string
		faults      int
	}{
		{"an ordinary token", "tok_visa", 0},
		{"the longest token", strings.Repeat("x", 4096), 0},
		{"the first and the last printable character", "!~", 0},
		{"no token", "", 1},
		{"a token too long", strings.Repeat("x", 4097), 1},
		{"a space", "tok visa", 1},
		{"a newline", "tok_visa\n", 1},
		{"DEL", "tok\x7f", 1},
		{"Cyrillic", "токен", 1},
		{"too long and not printable", strings.Repeat(" ", 4097), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := newMethod(tt.token)
			expectFaults(t, err, []string{"payment_token", "payment_token"}[:tt.faults]...)
			if err == nil && got.Token.Reveal() != tt.token {
				t.Errorf("Token = %q", got.Token.Reveal())
			}
		})
	}
}

func newMethod(token string) (billing.PaymentMethod, error) {
	return billing.NewPaymentMethod("method-1", "user-1", "simulator", billing.NewSecret(token), day(0))
}

func TestNewPaymentMethod_RefusesCardNumber(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"4242424242424242", "4242-4242-4242-4242", "4242.4242.4242.4242"} {
		_, err := billing.NewPaymentMethod("m", "u", "s", billing.NewSecret(number), cardNow)
		if got := faultsOf(t, err); !slices.Equal(got, []string{"payment_token"}) {
			t.Errorf("%s: faults %v, want one of the token", number, got)
		}
	}
	for _, token := range []string{"tok_4242424242424242", "1234567890123", "4242424242424241"} {
		if _, err := billing.NewPaymentMethod("m", "u", "s", billing.NewSecret(token), cardNow); err != nil {
			t.Errorf("%s: %v", token, err)
		}
	}
}

func TestPaymentMethod_Remove(t *testing.T) {
	t.Parallel()
	m, err := newMethod("tok_visa")
	if err != nil {
		t.Fatal(err)
	}
	unreadable := m
	unreadable.Token, unreadable.Unreadable = billing.Secret{}, true
	want := m
	want.Token, want.RemovedAt = billing.Secret{}, day(5)
	expectSame(t, m.Remove(day(5)), want)
	expectSame(t, unreadable.Remove(day(5)), want)
	expectSame(t, want.Remove(day(6)), want)
	expectSame(t, m.AddedEvent(), billing.Event{UserID: "user-1", Type: billing.EventMethodAdded, At: day(0), MethodID: "method-1"})
	want.CardID = "card-1"
	expectSame(t, want.RemovedEvent(), billing.Event{
		UserID: "user-1", Type: billing.EventMethodRemoved, At: day(5), MethodID: "method-1", CardID: "card-1",
	})
	if got := want.Retired(); got != billing.MethodRemoved {
		t.Errorf("Retired = %q, want %q", got, billing.MethodRemoved)
	}
}

func TestPaymentMethod_Status(t *testing.T) {
	t.Parallel()
	token, err := newMethod("tok_visa")
	if err != nil {
		t.Fatal(err)
	}
	unsaved := billing.NewCardMethod("method-1", billing.Card{ID: "card-1", UserID: "user-1"}, "simulator", day(0))
	saved, unreadable := unsaved, unsaved
	saved.Token, unreadable.Unreadable = billing.NewSecret("tok_saved"), true
	for _, tt := range []struct {
		name     string
		method   billing.PaymentMethod
		charging bool
		kind     billing.MethodKind
		status   billing.MethodStatus
	}{
		{"token", token, false, billing.FromToken, billing.MethodActive},
		{"token, first payment pending", token, true, billing.FromToken, billing.MethodActive},
		{"card, first payment pending", unsaved, true, billing.FromCard, billing.MethodPending},
		{"card not saved", unsaved, false, billing.FromCard, billing.MethodFailed},
		{"card saved", saved, false, billing.FromCard, billing.MethodActive},
		{"card saved, renewal pending", saved, true, billing.FromCard, billing.MethodActive},
		{"card saved, token not readable", unreadable, false, billing.FromCard, billing.MethodActive},
	} {
		if kind, status := tt.method.Kind(), tt.method.Status(tt.charging); kind != tt.kind || status != tt.status {
			t.Errorf("%s: a %s that is %s, want a %s that is %s", tt.name, kind, status, tt.kind, tt.status)
		}
	}
}
