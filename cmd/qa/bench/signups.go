package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// Viewers are the first users of a population. Each has an access token and
// subscribes to one new plan after the other. Each new plan is in a group of its own.
// Between runs all new subscriptions end, so that the viewers never run out of plans.
const (
	maxViewers  = 10_000
	newPlans    = 30
	newPlanKind = eventKind + 2
)

// signups is a dataset that viewers subscribe in.
type signups struct {
	*dataset
	viewers tokenSet
	next    atomic.Int64 // number of the next subscription
	done    int          // subscriptions so far
}

// withSignups adds new plans to a copy of the population, measures in it, and
// verifies it.
func (e *env) withSignups(ctx context.Context, plans int, f func(*signups) error) error {
	v, err := newTokens(filepath.Join(e.Data, "viewers"), min(maxViewers, e.Rows))
	if err != nil {
		return err
	}
	return e.withDataset(ctx, population{e.Rows, 1}, "signups", func(d *dataset) error {
		err := e.pg.exec(ctx, d.name, `INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features, created_at, updated_at, plan_group)
			SELECT `+uuid(newPlanKind, "i")+`, 'plan_' || i, 'Plan', 39900, 'RUB', 1, '{hd}', '2020-01-01', '2020-01-01', 'plan_' || i
			FROM generate_series(0, `+fmt.Sprint(plans-1)+`) i`, "ANALYZE plans")
		if err != nil {
			return err
		}
		s := &signups{dataset: d, viewers: v}
		if err := f(s); err != nil {
			return err
		}
		return errors.Join(s.verify(ctx), s.clear(ctx))
	})
}

// finish counts the subscriptions of a run, ends them, and cleans up.
func (s *signups) finish(ctx context.Context, r run) error {
	s.done += r.Items
	err := s.pg.exec(ctx, s.name, `UPDATE subscriptions SET status = 'ended', ended_at = created_at, next_charge_at = NULL
		WHERE plan_id <> '`+planID+`' AND ended_at IS NULL AND status = 'active'`)
	return errors.Join(err, s.vacuum(ctx))
}

// verify checks that each response stands for one subscription that was paid once.
func (s *signups) verify(ctx context.Context) error {
	for query, want := range map[string]int{
		"SELECT count(*) FROM subscriptions WHERE plan_id <> '" + planID + "'":                    s.done,
		"SELECT count(*) FROM subscriptions WHERE status NOT IN ('active', 'ended') OR charging":  0,
		"SELECT count(*) FROM payments WHERE initiator = 'customer' AND status = 'succeeded'":     s.done,
		"SELECT count(*) FROM payments WHERE status <> 'succeeded'":                               0,
		"SELECT count(*) FROM events WHERE type = 'subscribed'":                                   s.done,
		`SELECT count(DISTINCT (user_id, subscription_id)) FROM events WHERE type = 'subscribed'`: s.done,
		"SELECT count(*) FROM events WHERE type = 'agreed'":                                       s.done,
		"SELECT coalesce(sum(n), 0)::bigint FROM panel_counts WHERE type = 'subscribed'":          s.done,
	} {
		if err := s.expect(ctx, query, want); err != nil {
			return err
		}
	}
	return nil
}

// clear deletes the new subscriptions, so that the dataset can be verified.
func (s *signups) clear(ctx context.Context) error {
	statements := []string{"SET session_replication_role = replica"} // no foreign key checks: all referring rows are deleted
	for _, table := range []string{"events", "payments", "subscriptions"} {
		key := "subscription_id"
		if table == "subscriptions" {
			key = "id"
		}
		statements = append(statements, "DELETE FROM "+table+" t USING subscriptions s WHERE s.plan_id <> '"+planID+
			"' AND t.user_id = s.user_id AND t."+key+" = s.id")
	}
	return s.pg.exec(ctx, s.name, statements...)
}

// request returns the request for subscription n.
func (s *signups) request(n int) []byte {
	viewer, plan := n%len(s.viewers.tokens), n/len(s.viewers.tokens)%newPlans
	return post("/v1/subscriptions", s.viewers.tokens[viewer], fmt.Sprintf(
		`{"plan_code":"plan_%d","price":{"amount":39900,"currency":"RUB"},"payment_system":"%s","payment_token":"tok_new_%d"}`, plan, worker.SystemCode, n))
}
