package operators_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
)

func TestCatalog_Errors(t *testing.T) {
	t.Parallel()
	good := billing.Plan{Code: "gold", Name: "Gold", Price: billingtest.Price, IntervalMonths: 1}
	with := func(change func(*billing.Plan)) billing.Plan { p := good; change(&p); return p }
	tests := []struct {
		name string
		do   func(w world) error
		want error
	}{
		{"taken plan code", func(w world) error { return w.addPlan(with(func(p *billing.Plan) { p.Code = "basic" })) }, billing.ErrAlreadyExists},
		{"invalid plan", func(w world) error { return w.addPlan(with(func(p *billing.Plan) { p.IntervalMonths = 0 })) }, billing.ErrInvalid},
		{"price of an unknown plan", func(w world) error { return w.setPrice("gold", billingtest.Price) }, billing.ErrPlanNotFound},
		{"negative price", func(w world) error { return w.setPrice("basic", billingtest.Rubles(-1)) }, billing.ErrInvalid},
		{"archive an unknown plan", func(w world) error { _, err := w.Catalog().ArchivePlan(w.T.Context(), "gold"); return err }, billing.ErrPlanNotFound},
		{"taken payment system code", func(w world) error { return w.addSystem(billingtest.System, "Fake") }, billing.ErrAlreadyExists},
		{"payment system without a name", func(w world) error { return w.addSystem("other", "") }, billing.ErrInvalid},
		{"archive an unknown payment system", func(w world) error {
			_, err := w.Catalog().ArchivePaymentSystem(w.T.Context(), "none")
			return err
		}, billing.ErrPaymentSystemNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			billingtest.ExpectError(t, tt.do(w), tt.want)
			plans, err := w.Catalog().Plans(t.Context())
			if err != nil || len(plans) != 1 || plans[0].Price != billingtest.Price || !plans[0].ArchivedAt.IsZero() {
				t.Errorf("plans after the error: %+v, %v", plans, err)
			}
			systems, err := w.Catalog().PaymentSystems(t.Context())
			if err != nil || len(systems) != 1 {
				t.Errorf("payment systems after the error: %+v, %v", systems, err)
			}
		})
	}
}

func (w world) addPlan(p billing.Plan) error {
	_, err := w.Catalog().AddPlan(w.T.Context(), p)
	return err
}

func (w world) setPrice(ref string, to billing.Money) error {
	_, err := w.Catalog().SetPrice(w.T.Context(), ref, to)
	return err
}

func (w world) addSystem(code, name string) error {
	_, err := w.Catalog().AddPaymentSystem(w.T.Context(), billing.PaymentSystem{Code: code, Name: name})
	return err
}

func TestCatalog_SetsIDsAndTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begin := w.Clock.Now()
	p := w.AddPlan("gold", "hd")
	if p.ID == "" || !p.CreatedAt.Equal(begin) || !p.UpdatedAt.Equal(begin) {
		t.Errorf("added %+v", p)
	}
	w.Clock.Advance(time.Hour)
	p, err := w.Catalog().SetPrice(t.Context(), string(p.ID), billingtest.Rubles(1_00))
	if err != nil || p.Price != billingtest.Rubles(1_00) || !p.CreatedAt.Equal(begin) || !p.UpdatedAt.Equal(w.Clock.Now()) {
		t.Errorf("repriced %+v, %v", p, err)
	}
	archived := w.Clock.Now()
	for range 2 { // the second call changes nothing
		p, err = w.Catalog().ArchivePlan(t.Context(), "gold")
		if err != nil || !p.ArchivedAt.Equal(archived) {
			t.Errorf("archived %+v, %v", p, err)
		}
		ps, err := w.Catalog().ArchivePaymentSystem(t.Context(), billingtest.System)
		if err != nil || !ps.ArchivedAt.Equal(archived) {
			t.Errorf("archived %+v, %v", ps, err)
		}
		w.Clock.Advance(time.Hour)
	}
}
