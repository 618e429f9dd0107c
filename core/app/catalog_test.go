package app_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestCatalogRefuses(t *testing.T) {
	t.Parallel()
	good := billing.Plan{Code: "gold", Name: "Gold", Price: price, IntervalMonths: 1}
	with := func(change func(*billing.Plan)) billing.Plan { p := good; change(&p); return p }
	tests := []struct {
		name string
		do   func(w world) error
		want error
	}{
		{"a plan with a taken code", func(w world) error { return w.addPlan(with(func(p *billing.Plan) { p.Code = "basic" })) }, billing.ErrAlreadyExists},
		{"a plan that is wrong", func(w world) error { return w.addPlan(with(func(p *billing.Plan) { p.IntervalMonths = 0 })) }, billing.ErrInvalid},
		{"a price of an unknown plan", func(w world) error { return w.setPrice("gold", price) }, billing.ErrPlanNotFound},
		{"a negative price", func(w world) error { return w.setPrice("basic", rubles(-1)) }, billing.ErrInvalid},
		{"to archive an unknown plan", func(w world) error { _, err := w.catalog().ArchivePlan(w.t.Context(), "gold"); return err }, billing.ErrPlanNotFound},
		{"a payment system with a taken code", func(w world) error { return w.addSystem(system, "Fake") }, billing.ErrAlreadyExists},
		{"a payment system without a name", func(w world) error { return w.addSystem("other", "") }, billing.ErrInvalid},
		{"to archive an unknown payment system", func(w world) error {
			_, err := w.catalog().ArchivePaymentSystem(w.t.Context(), "none")
			return err
		}, billing.ErrPaymentSystemNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			expectError(t, tt.do(w), tt.want)
			plans, err := w.catalog().Plans(t.Context())
			if err != nil || len(plans) != 1 || plans[0].Price != price || !plans[0].ArchivedAt.IsZero() {
				t.Errorf("the plans are %+v, %v", plans, err)
			}
			systems, err := w.catalog().PaymentSystems(t.Context())
			if err != nil || len(systems) != 1 {
				t.Errorf("the payment systems are %+v, %v", systems, err)
			}
		})
	}
}

func (w world) addPlan(p billing.Plan) error {
	_, err := w.catalog().AddPlan(w.t.Context(), p)
	return err
}

func (w world) setPrice(ref string, to billing.Money) error {
	_, err := w.catalog().SetPrice(w.t.Context(), ref, to)
	return err
}

func (w world) addSystem(code, name string) error {
	_, err := w.catalog().AddPaymentSystem(w.t.Context(), billing.PaymentSystem{Code: code, Name: name})
	return err
}

func TestCatalogSetsIDsAndTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begin := w.clock.Now()
	p := w.sell("gold", "hd")
	if p.ID == "" || !p.CreatedAt.Equal(begin) || !p.UpdatedAt.Equal(begin) {
		t.Errorf("added %+v", p)
	}
	w.clock.advance(time.Hour)
	p, err := w.catalog().SetPrice(t.Context(), string(p.ID), rubles(1_00))
	if err != nil || p.Price != rubles(1_00) || !p.CreatedAt.Equal(begin) || !p.UpdatedAt.Equal(w.clock.Now()) {
		t.Errorf("repriced %+v, %v", p, err)
	}
	archived := w.clock.Now()
	for range 2 { // the second time changes nothing
		p, err = w.catalog().ArchivePlan(t.Context(), "gold")
		if err != nil || !p.ArchivedAt.Equal(archived) {
			t.Errorf("archived %+v, %v", p, err)
		}
		ps, err := w.catalog().ArchivePaymentSystem(t.Context(), system)
		if err != nil || !ps.ArchivedAt.Equal(archived) {
			t.Errorf("archived %+v, %v", ps, err)
		}
		w.clock.advance(time.Hour)
	}
}
