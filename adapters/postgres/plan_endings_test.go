package postgres_test

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// endPlan stores the end of the plan of the crowd for all its viewers.
func (c crowd) endPlan() operators.PlanEnd {
	c.t.Helper()
	catalog := operators.Catalog{Store: postgres.NewStore(c.owner), Clock: clocktest.New(outageEnd), NewID: newUUID, By: operators.CLIOperator()}
	preview, err := catalog.PreviewEnd(c.t.Context(), "premium")
	if err != nil {
		c.t.Fatal(err)
	}
	end, err := catalog.EndPlan(c.t.Context(), "premium", "the rights end", preview.Viewers)
	if err != nil {
		c.t.Fatal(err)
	}
	return end
}

// awaitLock waits until a session of the database waits for a lock.
func (c crowd) awaitLock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for waiting := false; !waiting; {
		err := c.owner.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c crowd) executor() operators.Executor {
	return operators.Executor{Support: operators.Support{Store: c.store, Clock: clocktest.New(outageEnd), NewID: newUUID}}
}

// Several processes at once cancel each subscription once, while viewers cancel and resume.
func TestEndPlans_Concurrently(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 11, 900)
	end := c.endPlan()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := c.executor().EndPlans(t.Context()); err != nil {
				t.Errorf("EndPlans: %v", err)
			}
		})
	}
	viewers := operators.Support{Store: c.store, Clock: clocktest.New(outageEnd), NewID: newUUID, By: operators.Operator{Name: "viewer"}}
	n := 0
	for user := range c.subs {
		if n++; n%3 != 0 {
			continue
		}
		all.Go(func() {
			on := operators.Target{User: user, Ref: "premium", Reason: "x"}
			_, cancel := viewers.Cancel(t.Context(), on, billing.AtPeriodEnd)
			_, resume := viewers.Resume(t.Context(), on)
			if cancel != nil && !errors.Is(cancel, billing.ErrInvalidTransition) || !errors.Is(resume, billing.ErrInvalidTransition) {
				t.Errorf("cancel: %v, resume: %v, want the resume refused", cancel, resume)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	if _, err := c.executor().EndPlans(t.Context()); err != nil { // of a page that another process had locked at the end
		t.Fatal(err)
	}
	passed := 0
	for _, before := range c.subs {
		got, _ := c.stored(before)
		if got.Live() && !got.CancelAtPeriodEnd {
			t.Errorf("the subscription %+v renews", got)
		}
		events, err := c.store.Views().Events(t.Context(), before.UserID, ports.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		authors, err := postgres.NewStore(c.owner).Views().Authors(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		cancels := 0
		for _, e := range events {
			if e.Type != billing.EventCancelRequested {
				continue
			}
			cancels++
			if by := authors[e.ID]; e.DeclineCode == billing.PlanEnded && by == (billing.Author{Name: "billingctl", Reason: "the rights end"}) {
				passed++
			} else if by.Name != "viewer" {
				t.Errorf("the event %+v has the author %+v", e, by)
			}
		}
		if cancels > 1 {
			t.Errorf("the subscription %+v was cancelled %d times", before, cancels)
		}
	}
	e, err := c.store.Views().PlanEnding(t.Context(), c.plan.ID)
	if err != nil || e.DoneAt.IsZero() || e.Cancelled+e.Ended != passed || e.Failed != 0 || passed == 0 || e.Viewers != end.Viewers {
		t.Errorf("the ending is %+v, %v, and %d events are its own", e, err, passed)
	}
}

// A resume whose statement began before the end, and that waited for the subscription since,
// is refused.
func TestResume_SeesEndOfPlanAfterWaiting(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 0)
	var sub billing.Subscription
	for !sub.CancelAtPeriodEnd || sub.Status != billing.StatusActive || !sub.Current.End.After(outageEnd) {
		sub = c.add()
	}
	support := operators.Support{Store: c.store, Clock: clocktest.New(outageEnd), NewID: newUUID, By: operators.Operator{Name: "viewer"}}
	resumed := make(chan error, 1)
	c.tx(func(ctx context.Context, tx ports.Repos) error {
		if _, err := tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: sub.UserID, ID: sub.ID}); err != nil {
			return err
		}
		go func() {
			_, err := support.Resume(ctx, operators.Target{User: sub.UserID, Ref: string(sub.ID), Reason: "x"})
			resumed <- err
		}()
		if err := c.awaitLock(ctx); err != nil {
			return err
		}
		c.endPlan()
		return tx.Subscriptions.Save(ctx, sub)
	})
	if err := <-resumed; !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("the resume returns %v, want ErrInvalidTransition", err)
	}
}

// An order that has read its plan makes the end wait, so the pass finds its subscription.
// An order after the end is refused.
func TestEndPlan_WaitsForOrders(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 2, 1)
	order := ports.CheckoutQuery{User: billing.UserID(newUUID()), Plan: "premium", PaymentSystem: "bank", Token: billing.NewSecret("tok")}
	ended := make(chan operators.PlanEnd, 1)
	c.tx(func(ctx context.Context, tx ports.Repos) error {
		facts, err := tx.Checkout.Take(ctx, order)
		if err != nil || !facts[0].Plan.EndingAt.IsZero() {
			return errors.Join(err, errors.New("the plan is being ended"))
		}
		go func() { ended <- c.endPlan() }()
		return c.awaitLock(ctx)
	})
	end := <-ended
	c.tx(func(ctx context.Context, tx ports.Repos) error {
		facts, err := tx.Checkout.Take(ctx, order)
		if err == nil && !facts[0].Plan.EndingAt.Equal(end.Plan.EndingAt) {
			err = errors.New("a later order does not see the end")
		}
		return err
	})
}

func TestPlanEndings_PageReadsIndexOnly(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, "none")
	plans, err := s.Views().Plans(t.Context())
	if err != nil || len(plans) == 0 {
		t.Fatalf("plans: %v, %v", plans, err)
	}
	err = s.InTx(t.Context(), func(tx ports.Repos) error {
		keys, err := tx.PlanEndings.Next(t.Context(), billing.PlanEnding{PlanID: plans[0].ID}, 250)
		if len(keys) != 250 {
			t.Errorf("%d subscriptions, want 250", len(keys))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.scansNone(t, "PlanEndingNext", regexp.MustCompile(`Seq Scan`))
}

// Only signed-in editors end a plan at the panel. Anna of the support and the editor berta
// are signed in, clara is not.
func TestRoles_PlanEndingsCannotBeForged(t *testing.T) {
	t.Parallel()
	databaseURL := pgtest.URL(t)
	ending := func(plan, author, more string) string {
		columns, values := "", ""
		if more != "" {
			columns, values = ", "+more, ", now()"
		}
		return `INSERT INTO plan_endings (plan_id, started_at, author, reason, origin, viewers` + columns + `)
			VALUES ('00000000-0000-0000-0000-0000000000` + plan + `', '2026-01-01Z', '` + author + `', 'x', '', 1` + values + `)`
	}
	plan := func(id string) string {
		return `INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features, created_at, updated_at)
			VALUES ('00000000-0000-0000-0000-0000000000` + id + `', 'p` + id + `', 'x', 100, 'RUB', 1, '{}', now(), now());`
	}
	_, err := openAs(t, databaseURL, postgres.LoginRole).Exec(t.Context(), `
		INSERT INTO panel_users (id, name, role, password_hash, language, created_at, failures)
		VALUES ('00000000-0000-0000-0000-00000000000a', 'anna', 'support', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000b', 'berta', 'editor', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000c', 'clara', 'editor', 'hash', '', now(), 0);
		INSERT INTO panel_sessions (token_hash, user_id, created_at, seen_at, origin)
		SELECT decode(right(id::text, 2), 'hex'), id, now(), now(), '' FROM panel_users WHERE name <> 'clara';`+
		plan("01")+plan("02")+plan("03")+ending("02", "berta", "")+";"+ending("03", "berta", "")+
		`; UPDATE plan_endings SET done_at = now() WHERE plan_id = '00000000-0000-0000-0000-000000000003'`)
	if err != nil {
		t.Fatal(err)
	}
	const open, over = " WHERE plan_id = '00000000-0000-0000-0000-000000000002'", " WHERE plan_id = '00000000-0000-0000-0000-000000000003'"
	end := func(id, archived string) string {
		return "UPDATE plans SET archived_at = " + archived + ", ending_at = '2026-01-01Z' WHERE id = '00000000-0000-0000-0000-0000000000" + id + "'"
	}
	progress := "UPDATE plan_endings SET after_user = gen_random_uuid(), cancelled = 1, ended = 1, failed = 1, done_at = now()"
	for role, statements := range map[string]map[string]bool{
		postgres.PanelRole: {
			ending("01", "berta", "") + ";" + end("01", "now()"): true,
			"SELECT FROM plan_endings":                           true,
			end("01", "now()"):                                   false, // without a decision
			end("02", "NULL"):                                    false, // still on sale
			end("03", "now()"):                                   false, // by a decision that is done
			ending("01", "anna", ""):                             false,
			ending("01", "clara", ""):                            false,
			ending("01", "nobody", ""):                           false,
			ending("01", "berta", "done_at"):                     false,
			ending("09", "berta", ""):                            false, // no such plan
			"UPDATE plan_endings SET done_at = now()" + open:     false,
			"DELETE FROM plan_endings":                           false,
		},
		postgres.APIRole: {
			progress + open: true,
			progress + over: false,
			"SELECT FROM plan_endings e JOIN plans p ON p.id = e.plan_id FOR NO KEY UPDATE OF e SKIP LOCKED FOR SHARE OF p": true,
			ending("01", "berta", ""):              false,
			"UPDATE plan_endings SET author = 'x'": false,
			"UPDATE plans SET ending_at = NULL":    false,
			"DELETE FROM plan_endings":             false,
		},
		postgres.RenewRole: {"SELECT ending_at FROM plans": true, "SELECT FROM plan_endings": false},
	} {
		conn := connectAs(t, databaseURL, role)
		for sql, may := range statements {
			if err := attempt(t.Context(), conn, sql); (err == nil) != may {
				t.Errorf("%s: %s: %v, allowed %t", role, sql, err, may)
			}
		}
	}
}
