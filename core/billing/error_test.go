package billing_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestError_Is(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		is   []error
		not  []error
	}{
		{
			"a sentinel", billing.ErrPlanNotFound,
			[]error{billing.ErrPlanNotFound, billing.NotFound},
			[]error{billing.ErrNotFound, billing.ErrPaymentSystemNotFound, billing.Invalid, billing.Conflict},
		},
		{
			"a sentinel with another message", billing.ErrPlanNotFound.WithMessage("no plan %s", "basic"),
			[]error{billing.ErrPlanNotFound, billing.NotFound},
			[]error{billing.ErrNotFound, billing.Conflict},
		},
		{
			"joined", errors.Join(billing.ErrAlreadyExists.WithMessage("plan basic")),
			[]error{billing.ErrAlreadyExists, billing.Conflict},
			[]error{billing.ErrAlreadySubscribed},
		},
		{
			"wrapped twice", fmt.Errorf("subscribe: %w", fmt.Errorf("plan basic: %w", billing.ErrUnavailable)),
			[]error{billing.ErrUnavailable, billing.Unavailable},
			[]error{billing.Conflict},
		},
		{
			"another value with the same code", &billing.Error{Kind: billing.NotFound, Code: "plan_not_found"},
			[]error{billing.ErrPlanNotFound, billing.NotFound},
			[]error{billing.ErrNotFound},
		},
		{
			"a changed price", fmt.Errorf("subscribe: %w", &billing.PriceChangedError{}),
			[]error{billing.ErrPriceChanged, billing.Conflict},
			[]error{billing.Invalid, billing.ErrAlreadySubscribed},
		},
		{
			"a decline", fmt.Errorf("subscribe: %w", &billing.DeclinedError{}),
			[]error{billing.ErrPaymentDeclined, billing.Declined},
			[]error{billing.Conflict},
		},
		{
			"faults", fmt.Errorf("add plan: %w", &billing.InvalidError{}),
			[]error{billing.ErrInvalid, billing.Invalid},
			[]error{billing.ErrKeyReused},
		},
		{
			"an internal error", errors.New("disk full"),
			nil,
			[]error{billing.NotFound, billing.Invalid, billing.Conflict, billing.Forbidden, billing.Declined, billing.Unavailable},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, target := range tt.is {
				if !errors.Is(tt.err, target) {
					t.Errorf("errors.Is(%q, %q) = false", tt.err, target)
				}
			}
			for _, target := range tt.not {
				if errors.Is(tt.err, target) {
					t.Errorf("errors.Is(%q, %q) = true", tt.err, target)
				}
			}
		})
	}
}

func TestError_Details(t *testing.T) {
	t.Parallel()
	t.Run("a changed price", func(t *testing.T) {
		t.Parallel()
		err := fmt.Errorf("subscribe: %w", &billing.PriceChangedError{Plan: "basic", Shown: money(399_00, "RUB"), Current: money(449_00, "RUB")})
		found, ok := errors.AsType[*billing.PriceChangedError](err)
		if !ok || found.Current != money(449_00, "RUB") {
			t.Errorf("got %+v", found)
		}
		expectText(t, err, "subscribe: plan basic costs 449.00 RUB today, not 399.00 RUB; nothing was charged")
	})
	t.Run("a decline", func(t *testing.T) {
		t.Parallel()
		expectText(t, &billing.DeclinedError{Code: billing.LostOrStolen}, "the payment was declined: lost or stolen")
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		err := &billing.InvalidError{Faults: []billing.Fault{{Field: "code", Message: "is empty"}, {Field: "name", Message: "is long"}}}
		expectText(t, err, "code: is empty; name: is long")
	})
	t.Run("messages", func(t *testing.T) {
		t.Parallel()
		expectText(t, billing.ErrPlanNotFound.WithMessage("no plan %q", "basic"), `no plan "basic"`)
		expectText(t, billing.ErrPlanNotFound, "there is no such plan")
		expectText(t, billing.NotFound, "not found")
	})
}

func expectText(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got error %q, want %q", err, want)
	}
}
