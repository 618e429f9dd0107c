package operators_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

var (
	editor = operators.Operator{Name: "anna", Role: ports.RoleEditor, From: "192.0.2.7"}
	reader = operators.Operator{Name: "vera", Role: ports.RoleReader, From: "192.0.2.8"}
)

func (w world) panel() operators.Panel {
	return operators.Panel{Store: w.Store, Clock: w.Clock, Location: time.UTC}
}

// edited returns the catalogue for an editor.
func (w world) edited() operators.Catalog { return w.Catalog().For(editor) }

// edit returns an edit that leaves the plan as it is.
func edit(p billing.Plan) operators.PlanEdit {
	return operators.PlanEdit{
		Plan: p.ID, Seen: operators.SeenPlan(p), Price: p.Price, Code: p.Code, Name: p.Name,
		Interval: p.IntervalMonths, Features: p.Features, VAT: p.VAT,
	}
}

// actions returns the audit entries of operators at the panel.
func (w world) actions() []string {
	var list []string
	for _, e := range w.Store.Audit() {
		if e.Operator != operators.CLIOperator().Name {
			list = append(list, e.Operator+" "+e.From+" "+e.Action+" "+e.Object)
		}
	}
	return list
}

func TestCatalog_ChangesNeedEditor(t *testing.T) {
	t.Parallel()
	for _, by := range []operators.Operator{reader, {}, {Name: "x"}, {Name: "x", Role: "owner"}, {Role: ports.RoleEditor}} {
		w := newWorld(t)
		plan := w.AddPlan("extra")
		c := w.Catalog().For(by)
		e := edit(plan)
		e.Name = "Other"
		for name, try := range map[string]func() error{
			"add plan": func() error {
				_, err := c.AddPlan(t.Context(), billing.Plan{Code: "new", Name: "New", Price: billingtest.Price, IntervalMonths: 1})
				return err
			},
			"edit plan":        func() error { _, err := c.EditPlan(t.Context(), e); return err },
			"remove plan":      func() error { _, err := c.RemovePlan(t.Context(), plan.ID); return err },
			"set price":        func() error { _, err := c.SetPrice(t.Context(), "extra", billingtest.Rubles(1)); return err },
			"set group":        func() error { _, err := c.SetGroup(t.Context(), "extra", "sport"); return err },
			"archive plan":     func() error { _, err := c.ArchivePlan(t.Context(), "extra"); return err },
			"archive system":   func() error { _, err := c.ArchivePaymentSystem(t.Context(), billingtest.System); return err },
			"add invalid plan": func() error { _, err := c.AddPlan(t.Context(), billing.Plan{}); return err },
			"add system": func() error {
				_, err := c.AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: "new", Name: "New"})
				return err
			},
			"edit system": func() error {
				_, err := c.EditPaymentSystem(t.Context(), billingtest.System, "", "Other")
				return err
			},
			"restore plan":   func() error { _, err := c.RestorePlan(t.Context(), "extra"); return err },
			"restore system": func() error { _, err := c.RestorePaymentSystem(t.Context(), billingtest.System); return err },
			"remove system":  func() error { _, err := c.RemovePaymentSystem(t.Context(), billingtest.System); return err },
		} {
			before := len(w.Store.Audit())
			if err := try(); !errors.Is(err, operators.ErrForbidden) || !errors.Is(err, billing.Forbidden) {
				t.Errorf("%s by %+v: %v, want forbidden", name, by, err)
			}
			if len(w.Store.Audit()) != before {
				t.Errorf("%s by %+v was audited", name, by)
			}
		}
		plans, err := w.Catalog().Plans(t.Context())
		if err != nil || len(plans) != 2 || plans[1].Name != "extra" {
			t.Errorf("by %+v: plans %v, %v", by, plans, err)
		}
	}
}

func TestPanel_ReadsNeedRole(t *testing.T) {
	t.Parallel()
	p := newWorld(t).panel()
	for name, try := range map[string]func(operators.Operator) error{
		"plans":   func(by operators.Operator) error { _, err := p.Plans(t.Context(), by); return err },
		"systems": func(by operators.Operator) error { _, err := p.PaymentSystems(t.Context(), by); return err },
		"plan":    func(by operators.Operator) error { _, err := p.Plan(t.Context(), by, "x"); return err },
		"system":  func(by operators.Operator) error { _, err := p.PaymentSystem(t.Context(), by, "x"); return err },
		"users": func(by operators.Operator) error {
			_, _, err := p.Users(t.Context(), by, ports.UserPage{Limit: 1})
			return err
		},
		"user": func(by operators.Operator) error {
			_, err := p.User(t.Context(), by, billingtest.Viewer, "")
			return err
		},
		"find": func(by operators.Operator) error {
			_, err := p.Find(t.Context(), by, operators.FindQuery{Text: "x"})
			return err
		},
		"payments": func(by operators.Operator) error {
			_, err := p.Payments(t.Context(), by, ports.PaymentFilter{}, operators.PaymentCursor{}, 1)
			return err
		},
		"payment totals": func(by operators.Operator) error {
			_, err := p.PaymentTotals(t.Context(), by, ports.PaymentFilter{})
			return err
		},
		"history": func(by operators.Operator) error {
			_, err := p.History(t.Context(), by, ports.EventQuery{Limit: 1})
			return err
		},
		"audit": func(by operators.Operator) error {
			_, _, err := p.Audit(t.Context(), by, ports.AuditFilter{}, "", 1)
			return err
		},
		"subscriptions": func(by operators.Operator) error {
			_, err := p.Subscriptions(t.Context(), by, operators.SubscriptionFilter{}, ports.HeldKey{}, 1)
			return err
		},
		"export": func(by operators.Operator) error {
			return p.ExportPayments(t.Context(), by, ports.PaymentFilter{}, func(ports.PaymentRow) error { return nil })
		},
		"dashboard": func(by operators.Operator) error { _, err := p.Dashboard(t.Context(), by); return err },
	} {
		for _, by := range []operators.Operator{{}, {Name: "x"}, {Role: ports.RoleReader}} {
			if err := try(by); !errors.Is(err, operators.ErrForbidden) {
				t.Errorf("%s for %+v: %v, want forbidden", name, by, err)
			}
		}
	}
}

func TestEditPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := edit(w.AddPlan("extra", "hd"))
	e.Name, e.Code, e.Features, e.Interval = "Extra Plus", "extra-plus", []string{"hd", "4k"}, 12
	e.Confirmed = true
	got, err := w.edited().EditPlan(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := w.Catalog().Plans(t.Context())
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
	last := w.Store.Audit()[len(w.Store.Audit())-1]
	if last.Before["name"] != "extra" || last.After["name"] != "Extra Plus" || last.Before["interval_months"] != "1" || !last.At.Equal(w.Clock.Now()) {
		t.Errorf("audit entry: %+v", last)
	}
}

func TestEditPlan_UnchangedNotAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.edited().EditPlan(t.Context(), edit(w.AddPlan("extra"))); err != nil {
		t.Fatal(err)
	}
	if got := w.actions(); got != nil {
		t.Errorf("audited %v", got)
	}
}

func TestEditPlan_TwoEditors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := w.AddPlan("extra")
	first, second := edit(plan), edit(plan)
	first.Name, second.Name = "First", "Second"
	if _, err := w.edited().EditPlan(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	_, err := w.edited().EditPlan(t.Context(), second)
	if !errors.Is(err, operators.ErrChangedMeanwhile) || !errors.Is(err, billing.Conflict) {
		t.Errorf("second editor: %v, want %v", err, operators.ErrChangedMeanwhile)
	}
	now, err := w.Catalog().Plans(t.Context())
	if err != nil || now[1].Name != "First" {
		t.Errorf("plan name %q, %v", now[1].Name, err)
	}
	second.Seen = operators.SeenPlan(now[1]) // the second editor has now seen the first edit
	if _, err := w.edited().EditPlan(t.Context(), second); err != nil {
		t.Error(err)
	}
}

func TestSeenPlan_CoversEveryField(t *testing.T) {
	t.Parallel()
	plan := billing.Plan{ID: "1", Code: "c", Name: "n", Price: billingtest.Price, IntervalMonths: 1, Features: []string{"a", "b"}}
	seen := map[string]string{operators.SeenPlan(plan): "the original"}
	for name, change := range map[string]func(*billing.Plan){
		"code": func(p *billing.Plan) { p.Code = "d" }, "name": func(p *billing.Plan) { p.Name = "m" },
		"price": func(p *billing.Plan) { p.Price.Amount++ }, "currency": func(p *billing.Plan) { p.Price.Currency = "USD" },
		"interval": func(p *billing.Plan) { p.IntervalMonths = 2 }, "archived": func(p *billing.Plan) { p.ArchivedAt = time.Unix(1, 0) }, "ending": func(p *billing.Plan) { p.EndingAt = time.Unix(1, 0) },
		"vat": func(p *billing.Plan) { p.VAT = billing.VAT20 }, "features": func(p *billing.Plan) { p.Features = []string{"a b"} }, "no features": func(p *billing.Plan) { p.Features = nil },
	} {
		changed := plan
		change(&changed)
		if other, same := seen[operators.SeenPlan(changed)]; same {
			t.Errorf("a changed %s has the fingerprint of %s", name, other)
		}
		seen[operators.SeenPlan(changed)] = name
	}
	empty, none := plan, plan
	empty.Features, none.Features = []string{}, nil
	if operators.SeenPlan(empty) != operators.SeenPlan(none) {
		t.Error("nil and empty features have different fingerprints")
	}
}

func TestEditPlan_PriceChangeNeedsConfirmation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic()); err != nil {
		t.Fatal(err)
	}
	plans, err := w.Catalog().Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := edit(plans[0])
	e.Price = billingtest.Rubles(449_00)
	_, err = w.edited().EditPlan(t.Context(), e)
	var unconfirmed *operators.PriceUnconfirmedError
	if !errors.As(err, &unconfirmed) {
		t.Fatalf("unconfirmed: %v", err)
	}
	if diff := cmp.Diff(operators.PriceUnconfirmedError{
		From: billingtest.Price, To: billingtest.Rubles(449_00), FromMonths: 1, ToMonths: 1, Subscribers: 1,
	}, *unconfirmed); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if now, _ := w.Catalog().Plans(t.Context()); now[0].Price != billingtest.Price {
		t.Errorf("price before the confirmation: %v", now[0].Price)
	}
	e.Confirmed = true
	if _, err := w.edited().EditPlan(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	sub, err := w.Queries().Subscription(t.Context(), billingtest.Viewer, "basic")
	if err != nil || sub.Price != billingtest.Price {
		t.Errorf("price of the subscription: %v, %v", sub.Price, err)
	}
}

func TestEditPlan_Interval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	yearly := edit(w.AddPlan("fresh"))
	yearly.Interval = 12
	_, err := w.edited().EditPlan(t.Context(), yearly)
	want := operators.PriceUnconfirmedError{From: billingtest.Price, To: billingtest.Price, FromMonths: 1, ToMonths: 12}
	if unconfirmed, ok := errors.AsType[*operators.PriceUnconfirmedError](err); !ok || *unconfirmed != want {
		t.Errorf("unconfirmed: %v, want %v", err, &want)
	}
	yearly.Confirmed = true
	if p, err := w.edited().EditPlan(t.Context(), yearly); err != nil || p.IntervalMonths != 12 {
		t.Errorf("confirmed: %d months, %v", p.IntervalMonths, err)
	}

	if _, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic()); err != nil {
		t.Fatal(err)
	}
	basic, err := w.Catalog().Plan(t.Context(), "basic")
	if err != nil {
		t.Fatal(err)
	}
	taken := edit(basic)
	taken.Interval, taken.Confirmed = 12, true
	_, err = w.edited().EditPlan(t.Context(), taken)
	invalid, ok := errors.AsType[*billing.InvalidError](err)
	if !ok || len(invalid.Faults) != 1 || invalid.Faults[0].Rule != billing.RuleIntervalFixed {
		t.Errorf("with a subscriber: %v, want the fault %s", err, billing.RuleIntervalFixed)
	}
}

func TestRemovePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	never := w.AddPlan("never")
	if _, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic()); err != nil {
		t.Fatal(err)
	}
	plans, err := w.Catalog().Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[billing.PlanID]operators.Removal{
		never.ID: {Name: "never"}, plans[0].ID: {Name: "basic", Archived: true},
	} {
		got, err := w.edited().RemovePlan(t.Context(), id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", want.Name, err, diff)
		}
	}
	left, err := w.Catalog().Plans(t.Context())
	if err != nil || len(left) != 1 || left[0].ArchivedAt.IsZero() {
		t.Errorf("remaining plans: %v, %v", left, err)
	}
	if got := strings.Join(w.actions(), "; "); !strings.Contains(got, "plan.delete never") || !strings.Contains(got, "plan.archive basic") {
		t.Errorf("audited %s", got)
	}
	if _, err := w.edited().RemovePlan(t.Context(), never.ID); !errors.Is(err, billing.ErrPlanNotFound) {
		t.Errorf("second removal: %v", err)
	}
}

func TestRemovePaymentSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.edited().AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: "never", Name: "Never"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic()); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]operators.Removal{"never": {Name: "Never"}, billingtest.System: {Name: "fake", Archived: true}} {
		got, err := w.edited().RemovePaymentSystem(t.Context(), code)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", code, err, diff)
		}
	}
}

func TestEditPaymentSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	systems, err := w.Catalog().PaymentSystems(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := operators.SeenPaymentSystem(systems[0])
	if _, err := w.edited().EditPaymentSystem(t.Context(), billingtest.System, seen, "New name"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.edited().EditPaymentSystem(t.Context(), billingtest.System, seen, "Other"); !errors.Is(err, operators.ErrChangedMeanwhile) {
		t.Errorf("second editor: %v", err)
	}
	rows, err := w.panel().PaymentSystems(t.Context(), reader)
	if err != nil || rows[0].Name != "New name" || rows[0].HasAdapter {
		t.Errorf("%+v, %v", rows, err)
	}
	_, err = w.edited().EditPaymentSystem(t.Context(), billingtest.System, operators.SeenPaymentSystem(rows[0].PaymentSystem), " ")
	if !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("blank name: %v", err)
	}
}

func TestCatalog_CLIOperatorAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.Store.Audit()
	if len(got) != 2 || got[0].Operator != "billingctl" || got[0].Action != operators.PlanAdded || got[0].After["price"] != "399.00 RUB" {
		t.Errorf("audited %+v", got)
	}
}

func TestCatalog_RefusedChangeNotAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlan("extra")
	if _, err := w.edited().AddPlan(t.Context(), billing.Plan{Code: "extra", Name: "X", Price: billingtest.Price, IntervalMonths: 1}); !errors.Is(err, billing.ErrAlreadyExists) {
		t.Errorf("taken code: %v", err)
	}
	if got := w.actions(); got != nil {
		t.Errorf("audited %v", got)
	}
}
