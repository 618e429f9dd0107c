package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// PanelHarness is one store under test, opened with the rights of three users.
type PanelHarness struct {
	Harness             // as the service
	Panel   ports.Store // as the admin panel
	Owner   ports.Store // as the owner of the schema
}

// RunPanel tests the parts of a store that only the admin panel and the owner use. It
// calls newStore once per test.
func RunPanel(t *testing.T, newStore func(t *testing.T) PanelHarness) {
	for name, check := range map[string]func(w *panelWorld){
		"unused plan is removed":                     removesUnusedPlan,
		"used plan is in use":                        refusesUsedPlan,
		"unused payment system is removed":           removesUnusedSystem,
		"used payment system is in use":              refusesUsedSystem,
		"subscribers are counted":                    countsSubscribers,
		"audit entry is rolled back with its change": rollsBackAudit,
		"panel users are stored":                     storesPanelUsers,
		"names of panel users are unique":            refusesSameName,
		"second factors are stored":                  storesFactors,
		"sessions are stored and end":                storesSessions,
		"panel changes people with an entry":         changesPeopleWithEntry,
		"old sessions are pruned":                    prunesSessions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newStore(t)
			check(&panelWorld{newWorld(t, h.Harness), h})
		})
	}
	for group, cases := range map[string][]testCase{"plan groups": planGroupCases, "instructions": instructionCases} {
		for _, p := range cases {
			t.Run(group+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				h := newStore(t)
				p.check(newWorld(t, Harness{Store: h.Owner, Payments: h.Payments}))
			})
		}
	}
	for group, cases := range map[string]map[string]func(*panelWorld){"personal data": personalDataCases, "plan endings": planEndingCases} {
		for name, check := range cases {
			t.Run(group+"/"+name, func(t *testing.T) {
				t.Parallel()
				h := newStore(t)
				check(&panelWorld{newWorld(t, h.Harness), h})
			})
		}
	}
}

type panelWorld struct {
	*world
	h PanelHarness
}

// as runs f in a transaction of s, which is the store with the rights of one user.
func (w *panelWorld) as(s ports.Store, f func(ctx context.Context, tx ports.Repos) error) error {
	return s.InTx(w.Context(), func(tx ports.Repos) error { return f(w.Context(), tx) })
}

func (w *panelWorld) panel(f func(ctx context.Context, tx ports.Repos) error) {
	w.Helper()
	w.must(w.as(w.h.Panel, f))
}

func removesUnusedPlan(w *panelWorld) {
	p := w.addPlan("unused")
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		if _, err := tx.Plans.Lock(ctx, p.Code); err != nil {
			return err
		}
		return tx.Plans.Remove(ctx, p.ID)
	})
	_, err := w.findPlan(p.Code)
	w.wantErr(err, billing.ErrPlanNotFound)
}

func refusesUsedPlan(w *panelWorld) {
	w.subscribe(0)
	err := w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Remove(ctx, w.plan.ID) })
	w.wantErr(err, ports.ErrInUse)
	w.wantPlan(w.plan.Code, w.plan)
}

func removesUnusedSystem(w *panelWorld) {
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "unused", Name: "Unused", CreatedAt: noon})
	})
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		if _, err := tx.PaymentSystems.Lock(ctx, "unused"); err != nil {
			return err
		}
		return tx.PaymentSystems.Remove(ctx, "unused")
	})
	err := w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) error {
		_, err := tx.PaymentSystems.Lock(ctx, "unused")
		return err
	})
	w.wantErr(err, billing.ErrPaymentSystemNotFound)
}

func refusesUsedSystem(w *panelWorld) {
	w.viewer()
	err := w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) error { return tx.PaymentSystems.Remove(ctx, system) })
	w.wantErr(err, ports.ErrInUse)
}

// countsSubscribers appends all events, because a store may count by the history.
func countsSubscribers(w *panelWorld) {
	w.wantSubscribers(0)
	w.subscribe(0) // not paid
	first, second := w.subscribe(0), w.subscribe(0)
	for _, d := range []purchase{first, second} {
		w.settleWithEvents(d, billing.PaymentSucceeded)
	}
	w.wantSubscribers(2)
	d := w.locked(first)
	ended, events, err := d.sub.Cancel(billing.AtOnce, noon)
	w.must(err)
	d.sub = ended
	w.append(events)
	w.save(d)
	w.wantSubscribers(1)
	w.settleWithEvents(w.subscribe(0), billing.PaymentDeclined)
	w.wantSubscribers(1)
}

func (w *panelWorld) wantSubscribers(want int) {
	w.Helper()
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		n, err := tx.Plans.Subscribers(ctx, w.plan.ID)
		same(w.world, "subscribers", n, want)
		return err
	})
}

// settleWithEvents settles a payment, and appends the events.
func (w *panelWorld) settleWithEvents(d purchase, status billing.PaymentStatus) {
	w.Helper()
	o := billing.Outcome{Status: status}
	if status == billing.PaymentSucceeded {
		o.Amount = d.pay.Amount
	}
	var events []billing.Event
	d.sub, d.pay, events = d.sub.Settle(d.pay, o, billing.RetrySchedule{}, billing.Calendar{}, noon)
	w.append(events)
	w.save(d)
}

func (w *panelWorld) append(events []billing.Event) {
	w.Helper()
	for i := range events {
		events[i].ID = newIDOf[billing.EventID]()
	}
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Events.Append(ctx, events...) })
}

func rollsBackAudit(w *panelWorld) {
	anna := newPanelUser("anna")
	w.must(w.addPanelUser(anna))
	w.session(anna, "1", noon)
	p := newPlan("extra")
	entry := ports.AuditEntry{
		ID: newID(), At: noon, Operator: "anna", From: "192.0.2.1", Action: operators.PlanAdded, Object: p.Code,
		After: ports.Facts{"name": "«" + p.Name + "» \" \\ <b>"},
	}
	rolledBack := errors.New("rolled back")
	err := w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Plans.Add(ctx, p); err != nil {
			return err
		}
		if err := tx.Audit.Record(ctx, entry); err != nil {
			return err
		}
		return rolledBack
	})
	w.wantErr(err, rolledBack)
	w.panel(func(ctx context.Context, tx ports.Repos) error { return tx.Audit.Record(ctx, entry) }) // the id is free
}

func newPanelUser(name string) ports.PanelUser {
	return ports.PanelUser{
		ID: newID(), Name: name, Role: ports.RoleReader, PasswordHash: billing.NewSecret("hash"), CreatedAt: noon,
	}
}

func (w *panelWorld) addPanelUser(u ports.PanelUser) error {
	return w.as(w.h.Owner, func(ctx context.Context, tx ports.Repos) error { return tx.PanelUsers.Add(ctx, u) })
}

func storesPanelUsers(w *panelWorld) {
	u := newPanelUser("anna")
	w.must(w.addPanelUser(u))
	w.must(w.addPanelUser(newPanelUser("berta")))
	u.Role, u.Language, u.Failures = ports.RoleEditor, "ru", 3
	u.LockedUntil, u.DisabledAt = noon.Add(time.Hour), noon.Add(time.Minute)
	u.PasswordHash = billing.NewSecret("another hash")
	save := func(ctx context.Context, tx ports.Repos) error {
		if _, err := tx.PanelUsers.Lock(ctx, "anna"); err != nil {
			return err
		}
		return tx.PanelUsers.Save(ctx, u)
	}
	w.must(w.as(w.h.Owner, save)) // only the owner may change the role and the password
	u.Language, u.Failures, u.LockedUntil = "en", 0, noon.Add(2*time.Hour)
	w.panel(save)
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.PanelUsers.Lock(ctx, "anna")
		same(w.world, "panel user", got, u)
		if err != nil {
			return err
		}
		all, err := tx.PanelUsers.List(ctx)
		if len(all) != 2 || all[0].Name != "anna" || all[1].Name != "berta" {
			w.Errorf("panel users are %+v, want anna and berta", all)
		}
		return err
	})
	err := w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) error {
		_, err := tx.PanelUsers.Lock(ctx, "unknown")
		return err
	})
	w.wantErr(err, billing.ErrNotFound)
}

func refusesSameName(w *panelWorld) {
	w.must(w.addPanelUser(newPanelUser("anna")))
	w.wantErr(w.addPanelUser(newPanelUser("anna")), billing.ErrAlreadyExists)
}

func (w *panelWorld) session(u ports.PanelUser, text string, seen time.Time) ports.Session {
	w.Helper()
	s := ports.Session{Key: sha256.Sum256([]byte(text)), UserID: u.ID, CreatedAt: noon, SeenAt: seen, From: "192.0.2.1", Browser: "Firefox, Linux"}
	w.panel(func(ctx context.Context, tx ports.Repos) error { return tx.Sessions.Add(ctx, s) })
	return s
}

func (w *panelWorld) find(s ports.Session) (got ports.Session, u ports.PanelUser, err error) {
	err = w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) (err error) {
		got, u, err = tx.Sessions.Find(ctx, s.Key)
		return err
	})
	return got, u, err
}

// storesFactors saves as the panel. The panel needs an entry of the audit for that.
func storesFactors(w *panelWorld) {
	u := newPanelUser("anna")
	w.must(w.addPanelUser(u))
	w.session(u, "1", noon)
	u.PasswordTemporary = true
	u.Factor = ports.Factor{
		Key: billing.Encrypted{Ciphertext: []byte{1, 2}, KeyID: 4_000_000_000}, Since: noon, LastStep: 7,
		Recovery: []ports.RecoveryHash{{1}, {2}},
	}
	save := func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Audit.Record(ctx, newEntry("anna", "anna")); err != nil {
			return err
		}
		return tx.PanelUsers.Save(ctx, u)
	}
	check := func() {
		w.Helper()
		w.panel(save)
		w.panel(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.PanelUsers.Lock(ctx, "anna")
			same(w.world, "panel user", got, u)
			return err
		})
	}
	check()
	u.Factor.LastStep, u.Factor.Recovery = 8, u.Factor.Recovery[1:]
	check()
	u.Factor, u.PasswordTemporary = ports.Factor{}, false
	check()
}

func newEntry(operator, object string) ports.AuditEntry {
	return ports.AuditEntry{
		ID: newID(), At: noon, Operator: operator, From: "192.0.2.1", Action: operators.PanelUserPasswordChanged, Object: object,
	}
}

// changesPeopleWithEntry changes and adds users as the panel, with the entries that the
// database requires.
func changesPeopleWithEntry(w *panelWorld) {
	editor := newPanelUser("anna")
	editor.Role = ports.RoleEditor
	w.must(w.addPanelUser(editor))
	w.must(w.addPanelUser(newPanelUser("vera")))
	w.session(editor, "1", noon)
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		vera, err := tx.PanelUsers.Lock(ctx, "vera")
		if err != nil {
			return err
		}
		if err := tx.Audit.Record(ctx, newEntry("anna", "vera")); err != nil {
			return err
		}
		vera.Role, vera.DisabledAt, vera.PasswordHash = ports.RoleEditor, noon, billing.NewSecret("another")
		return tx.PanelUsers.Save(ctx, vera)
	})
	added := newPanelUser("zoe")
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Audit.Record(ctx, newEntry("anna", "zoe")); err != nil {
			return err
		}
		return tx.PanelUsers.Add(ctx, added)
	})
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.PanelUsers.Lock(ctx, "zoe")
		same(w.world, "panel user", got, added)
		return err
	})
}

func storesSessions(w *panelWorld) {
	anna, berta := newPanelUser("anna"), newPanelUser("berta")
	w.must(w.addPanelUser(anna))
	w.must(w.addPanelUser(berta))
	first, second, other := w.session(anna, "1", noon), w.session(anna, "2", noon), w.session(berta, "3", noon)
	first.SeenAt = noon.Add(time.Minute)
	w.panel(func(ctx context.Context, tx ports.Repos) error { return tx.Sessions.Seen(ctx, first.Key, first.SeenAt) })
	got, u, err := w.find(first)
	w.must(err)
	same(w.world, "session", got, first)
	same(w.world, "panel user", u, anna)
	w.wantSessions(anna, first, second)
	w.panel(func(ctx context.Context, tx ports.Repos) error { return tx.Sessions.End(ctx, first.Key) })
	_, _, err = w.find(first)
	w.wantErr(err, billing.ErrNotFound)
	w.wantSessions(anna, second)
	third := w.session(anna, "4", noon.Add(time.Hour))
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		return tx.Sessions.End(ctx, second.Key, third.Key, first.Key)
	})
	w.panel(func(ctx context.Context, tx ports.Repos) error { return tx.Sessions.End(ctx) })
	w.wantSessions(anna)
	w.wantSessions(berta, other)
}

func (w *panelWorld) wantSessions(u ports.PanelUser, want ...ports.Session) {
	w.Helper()
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.Sessions.Of(ctx, u.ID)
		sameList(w.world, "sessions of "+u.Name, got, want)
		return err
	})
}

func prunesSessions(w *panelWorld) {
	u := newPanelUser("anna")
	w.must(w.addPanelUser(u))
	idle, used := w.session(u, "idle", noon), w.session(u, "used", noon.Add(time.Hour))
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		return tx.Sessions.Prune(ctx, noon.Add(time.Minute), noon)
	})
	_, _, err := w.find(idle)
	w.wantErr(err, billing.ErrNotFound)
	_, _, err = w.find(used)
	w.must(err)
	w.panel(func(ctx context.Context, tx ports.Repos) error {
		return tx.Sessions.Prune(ctx, noon, noon.Add(time.Minute))
	})
	_, _, err = w.find(used)
	w.wantErr(err, billing.ErrNotFound)
}
