package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

var (
	editor = app.Operator{Name: "anna", Role: app.RoleEditor, From: "192.0.2.7"}
	looker = app.Operator{Name: "vera", Role: app.RoleViewer, From: "192.0.2.8"}
)

func (w world) panel() app.Panel {
	return app.Panel{Store: w.store, Clock: w.clock, NewID: w.newID, Location: time.UTC}
}

// edit is an edit of a plan that changes nothing yet.
func edit(p billing.Plan) app.PlanEdit {
	return app.PlanEdit{
		Plan: p.ID, Seen: app.SeenPlan(p), Price: p.Price, Code: p.Code, Name: p.Name,
		Interval: p.IntervalMonths, Features: p.Features,
	}
}

// actions are what was audited since the world began.
func (w world) actions() []string {
	var list []string
	for _, e := range w.store.Audit() {
		if e.Operator != app.Shell().Name {
			list = append(list, e.Operator+" "+e.From+" "+e.Action+" "+e.Object)
		}
	}
	return list
}

func TestOnlyEditorsChangeTheCatalogue(t *testing.T) {
	t.Parallel()
	for _, by := range []app.Operator{looker, {}, {Name: "x"}, {Name: "x", Role: "owner"}, {Role: app.RoleEditor}} {
		w := newWorld(t)
		plan := w.sell("extra")
		p := w.panel()
		e := edit(plan)
		e.Name = "Other"
		for what, try := range map[string]func() error{
			"add plan": func() error {
				_, err := p.AddPlan(t.Context(), by, billing.Plan{Code: "new", Name: "New", Price: price, IntervalMonths: 1})
				return err
			},
			"edit plan":   func() error { _, err := p.EditPlan(t.Context(), by, e); return err },
			"remove plan": func() error { _, err := p.RemovePlan(t.Context(), by, plan.ID); return err },
			"add system": func() error {
				_, err := p.AddPaymentSystem(t.Context(), by, billing.PaymentSystem{Code: "new", Name: "New"})
				return err
			},
			"edit system":   func() error { _, err := p.EditPaymentSystem(t.Context(), by, system, "", "Other"); return err },
			"remove system": func() error { _, err := p.RemovePaymentSystem(t.Context(), by, system); return err },
		} {
			before := len(w.store.Audit())
			if err := try(); !errors.Is(err, app.ErrForbidden) || !errors.Is(err, billing.Forbidden) {
				t.Errorf("%s by %+v: %v, want forbidden", what, by, err)
			}
			if len(w.store.Audit()) != before {
				t.Errorf("%s by %+v was audited as a change", what, by)
			}
		}
		plans, err := w.catalog().Plans(t.Context())
		if err != nil || len(plans) != 2 || plans[1].Name != "extra" {
			t.Errorf("by %+v: plans %v, %v", by, plans, err)
		}
	}
}

func TestNobodyLooksWithoutARole(t *testing.T) {
	t.Parallel()
	p := newWorld(t).panel()
	for what, try := range map[string]func(app.Operator) error{
		"plans":   func(by app.Operator) error { _, err := p.Plans(t.Context(), by); return err },
		"systems": func(by app.Operator) error { _, err := p.PaymentSystems(t.Context(), by); return err },
		"users": func(by app.Operator) error {
			_, err := p.Users(t.Context(), by, "", app.UserPage{Limit: 1})
			return err
		},
		"user": func(by app.Operator) error { _, err := p.User(t.Context(), by, viewer); return err },
		"history": func(by app.Operator) error {
			_, err := p.History(t.Context(), by, app.EventQuery{Limit: 1})
			return err
		},
		"audit":     func(by app.Operator) error { _, err := p.Audit(t.Context(), by, app.Page{Limit: 1}); return err },
		"dashboard": func(by app.Operator) error { _, err := p.Dashboard(t.Context(), by); return err },
	} {
		for _, by := range []app.Operator{{}, {Name: "x"}, {Role: app.RoleViewer}} {
			if err := try(by); !errors.Is(err, app.ErrForbidden) {
				t.Errorf("%s for %+v: %v, want forbidden", what, by, err)
			}
		}
	}
}

func TestEditPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := edit(w.sell("extra", "hd"))
	e.Name, e.Code, e.Features, e.Interval = "Extra Plus", "extra-plus", []string{"hd", "4k"}, 12
	got, err := w.panel().EditPlan(t.Context(), editor, e)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := w.catalog().Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, stored[1]); diff != "" || got.Name != "Extra Plus" || got.IntervalMonths != 12 {
		t.Errorf("stored (-returned +stored):\n%s", diff)
	}
	want := []string{"anna 192.0.2.7 plan.edit extra-plus"}
	if diff := cmp.Diff(want, w.actions()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	last := w.store.Audit()[len(w.store.Audit())-1]
	if last.Before["name"] != "extra" || last.After["name"] != "Extra Plus" || last.Before["interval_months"] != "1" || !last.At.Equal(w.clock.Now()) {
		t.Errorf("audit entry: %+v", last)
	}
}

func TestAnEditThatChangesNothingIsNotAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.panel().EditPlan(t.Context(), editor, edit(w.sell("extra"))); err != nil {
		t.Fatal(err)
	}
	if got := w.actions(); got != nil {
		t.Errorf("audited %v", got)
	}
}

func TestTwoEditorsOnOnePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := w.sell("extra")
	first, second := edit(plan), edit(plan)
	first.Name, second.Name = "First", "Second"
	if _, err := w.panel().EditPlan(t.Context(), editor, first); err != nil {
		t.Fatal(err)
	}
	_, err := w.panel().EditPlan(t.Context(), editor, second)
	if !errors.Is(err, app.ErrChangedMeanwhile) || !errors.Is(err, billing.Conflict) {
		t.Errorf("the second editor: %v, want %v", err, app.ErrChangedMeanwhile)
	}
	now, err := w.catalog().Plans(t.Context())
	if err != nil || now[1].Name != "First" {
		t.Errorf("the plan is called %q, %v", now[1].Name, err)
	}
	second.Seen = app.SeenPlan(now[1]) // who has seen the first's work may replace it
	if _, err := w.panel().EditPlan(t.Context(), editor, second); err != nil {
		t.Error(err)
	}
}

func TestEveryFieldOfAPlanIsSeen(t *testing.T) {
	t.Parallel()
	plan := billing.Plan{ID: "1", Code: "c", Name: "n", Price: price, IntervalMonths: 1, Features: []string{"a", "b"}}
	seen := map[string]string{app.SeenPlan(plan): "as it is"}
	for what, change := range map[string]func(*billing.Plan){
		"code": func(p *billing.Plan) { p.Code = "d" }, "name": func(p *billing.Plan) { p.Name = "m" },
		"price": func(p *billing.Plan) { p.Price.Amount++ }, "currency": func(p *billing.Plan) { p.Price.Currency = "USD" },
		"interval": func(p *billing.Plan) { p.IntervalMonths = 2 }, "archived": func(p *billing.Plan) { p.ArchivedAt = time.Unix(1, 0) },
		"features": func(p *billing.Plan) { p.Features = []string{"a b"} }, "no features": func(p *billing.Plan) { p.Features = nil },
	} {
		changed := plan
		change(&changed)
		if other, same := seen[app.SeenPlan(changed)]; same {
			t.Errorf("%s looks like %s", what, other)
		}
		seen[app.SeenPlan(changed)] = what
	}
	empty, none := plan, plan
	empty.Features, none.Features = []string{}, nil
	if app.SeenPlan(empty) != app.SeenPlan(none) {
		t.Error("no features and none at all look different")
	}
}

func TestAPriceChangeIsConfirmedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.process().Subscribe(t.Context(), toBasic()); err != nil {
		t.Fatal(err)
	}
	plans, err := w.catalog().Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := edit(plans[0])
	e.Price = rubles(449_00)
	_, err = w.panel().EditPlan(t.Context(), editor, e)
	var ask *app.PriceUnconfirmedError
	if !errors.As(err, &ask) {
		t.Fatalf("unconfirmed: %v", err)
	}
	if diff := cmp.Diff(app.PriceUnconfirmedError{From: price, To: rubles(449_00), Subscribers: 1}, *ask); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if now, _ := w.catalog().Plans(t.Context()); now[0].Price != price {
		t.Errorf("the price is %v before anybody confirmed", now[0].Price)
	}
	e.Confirmed = true
	if _, err := w.panel().EditPlan(t.Context(), editor, e); err != nil {
		t.Fatal(err)
	}
	sub, err := w.viewer().Subscription(t.Context(), viewer, "basic")
	if err != nil || sub.Price != price {
		t.Errorf("the subscriber now pays %v, %v", sub.Price, err)
	}
}

func TestRemovePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	never := w.sell("never")
	if _, err := w.process().Subscribe(t.Context(), toBasic()); err != nil {
		t.Fatal(err)
	}
	plans, err := w.catalog().Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[billing.PlanID]app.Removal{
		never.ID: {Name: "never"}, plans[0].ID: {Name: "basic", Archived: true},
	} {
		got, err := w.panel().RemovePlan(t.Context(), editor, id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", want.Name, err, diff)
		}
	}
	left, err := w.catalog().Plans(t.Context())
	if err != nil || len(left) != 1 || left[0].ArchivedAt.IsZero() {
		t.Errorf("left: %v, %v", left, err)
	}
	if got := strings.Join(w.actions(), "; "); !strings.Contains(got, "plan.delete never") || !strings.Contains(got, "plan.archive basic") {
		t.Errorf("audited %s", got)
	}
	if _, err := w.panel().RemovePlan(t.Context(), editor, never.ID); !errors.Is(err, billing.ErrPlanNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestRemovePaymentSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.panel().AddPaymentSystem(t.Context(), editor, billing.PaymentSystem{Code: "never", Name: "Never"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.process().Subscribe(t.Context(), toBasic()); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]app.Removal{"never": {Name: "Never"}, system: {Name: "fake", Archived: true}} {
		got, err := w.panel().RemovePaymentSystem(t.Context(), editor, code)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", code, err, diff)
		}
	}
}

func TestEditPaymentSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	systems, err := w.catalog().PaymentSystems(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := app.SeenPaymentSystem(systems[0])
	if _, err := w.panel().EditPaymentSystem(t.Context(), editor, system, seen, "New name"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.panel().EditPaymentSystem(t.Context(), editor, system, seen, "Other"); !errors.Is(err, app.ErrChangedMeanwhile) {
		t.Errorf("the second editor: %v", err)
	}
	rows, err := w.panel().PaymentSystems(t.Context(), looker)
	if err != nil || rows[0].Name != "New name" || rows[0].HasAdapter {
		t.Errorf("%+v, %v", rows, err)
	}
	_, err = w.panel().EditPaymentSystem(t.Context(), editor, system, app.SeenPaymentSystem(rows[0].PaymentSystem), " ")
	if !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
}

func TestTheShellIsAuditedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.store.Audit()
	if len(got) != 2 || got[0].Operator != "billingctl" || got[0].Action != app.PlanAdded || got[0].After["price"] != "399.00 RUB" {
		t.Errorf("audited %+v", got)
	}
}

func TestARefusedChangeIsNotAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sell("extra")
	if _, err := w.panel().AddPlan(t.Context(), editor, billing.Plan{Code: "extra", Name: "X", Price: price, IntervalMonths: 1}); !errors.Is(err, billing.ErrAlreadyExists) {
		t.Errorf("the code is taken: %v", err)
	}
	if got := w.actions(); got != nil {
		t.Errorf("audited %v", got)
	}
}
