package billing_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestPaymentSystem_Check(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		system billing.PaymentSystem
		faults []string
	}{
		{"an ordinary payment system", billing.PaymentSystem{Code: "simulator", Name: "Simulator"}, nil},
		{"a bad code", billing.PaymentSystem{Code: "Sim", Name: "Simulator"}, []string{"code"}},
		{"no name", billing.PaymentSystem{Code: "simulator"}, []string{"name"}},
		{"empty", billing.PaymentSystem{}, []string{"code", "name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expectFaults(t, tt.system.Check(), tt.faults...)
		})
	}
}

func TestPaymentSystem_Archive(t *testing.T) {
	t.Parallel()
	want := billing.PaymentSystem{Code: "simulator", Name: "Simulator", ArchivedAt: day(1)}
	archived := billing.PaymentSystem{Code: "simulator", Name: "Simulator"}.Archive(day(1))
	expectSame(t, archived, want)
	expectSame(t, archived.Archive(day(2)), want)
}
