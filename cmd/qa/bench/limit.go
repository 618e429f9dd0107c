package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// The limit of renewals is what Postgres can do when nobody decides anything:
// the service's own statements, batch after batch, driven by pgbench. All
// statements of a transaction are one, with the arrays made on the spot, so that
// no row ever leaves the server but the keys that the second transaction needs.

// limitScript is both transactions of a batch.
func limitScript(ctx context.Context, q queries, t *town, batch int) (string, error) {
	due, err := columnsOf(ctx, t, "subscriptions")
	if err != nil {
		return "", err
	}
	s := script{queries: q}
	s.add("WITH due (" + due + ", plan_code, version, token, token_ct, token_key_id, card_id, linked_at, removed_at) AS (\n")
	s.query("SubscriptionsLockDue", values{"from_at": ":since", "now": ":now", "systems": "'{" + worker.SystemCode + "}'", "take": fmt.Sprint(batch)})
	s.add("\n), a AS (SELECT " + arrays(claimColumns) + ` FROM (
  SELECT *, '0'::xid AS locked, gen_random_uuid() AS payment_id, period_end + make_interval(months => interval_months) AS next FROM due) d
), saved AS (` + "\n")
	s.query("SubscriptionsSave", fromA(subscriptionParams, nil))
	s.add("\n), added AS (\n")
	s.query("PaymentsAdd", fromA(paymentParams, values{
		"ids": "payment_ids", "subscription_ids": "ids", "period_starts": "period_ends",
		"period_ends": "next_charges",
	}).and("send", "'35s'"))
	s.add(`
) SELECT coalesce(user_ids, '{}')::text AS users, coalesce(ids, '{}')::text AS subs,
  coalesce(last, :now::timestamptz)::text AS since FROM a \gset` + "\n")

	// What billing-renew remembers from the first transaction is read here.
	s.add("WITH a AS (SELECT " + arrays(recordColumns) + ` FROM (
  SELECT s.*, s.xmin AS version, '` + planCode + `'::text AS plan_code FROM (SELECT unnest(:users::uuid[]) AS user_id, unnest(:subs::uuid[]) AS id) k
  JOIN subscriptions s ON s.user_id = k.user_id AND s.id = k.id) d
), settled AS (` + "\n")
	s.query("PaymentsSave", fromA(settleParams, values{"ids": "payment_ids", "statuses": "succeeded", "settled": "nows"}))
	s.add("\n), saved AS (\n")
	s.query("SubscriptionsSave", fromA(subscriptionParams, nil))
	s.add("\n), ")
	s.clauses("EventsAppend", fromA(eventParams, values{
		"ids": "event_ids", "ats": "nows", "subscription_ids": "ids", "card_ids": "no_ids", "access_untils": "period_ends", "retry_ats": "nulls",
	}))
	s.add(";\n")
	return s.text.String(), s.err
}

// columnsOf names the columns of a table, in their order.
func columnsOf(ctx context.Context, t *town, table string) (string, error) {
	var names []string
	err := onConn(ctx, t.url(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT attname FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	return strings.Join(names, ", "), err
}

// The arrays that both transactions make of their rows: name = expression.
const (
	subscriptionColumns = `user_ids=user_id ids=id payment_method_ids=payment_method_id cancels=cancel_at_period_end
		past_due_sinces=past_due_since grace_untils=grace_until started=started_at ended=ended_at `
	claimColumns = subscriptionColumns + `versions=locked statuses=status period_starts=period_start period_ends=period_end
		next_charges=next charging=true latest_payment_ids=payment_id payment_ids=payment_id
		payment_systems=payment_system initiators='merchant'::text amounts=price_amount currencies=price_currency created=:now::timestamptz`
	recordColumns = subscriptionColumns + `versions=version statuses='active'::text period_starts=period_end period_ends=next_charge_at
		next_charges=next_charge_at charging=false latest_payment_ids=latest_payment_id payment_ids=latest_payment_id succeeded='succeeded'::text provider_refs='ref'::text
		decline_codes=''::text action_urls=''::text contradictions=''::text nows=:now::timestamptz event_ids=gen_random_uuid() types='renewed'::text
		plan_codes=plan_code amounts=price_amount currencies=price_currency nulls=NULL::timestamptz no_ids=NULL::uuid`
)

// The parameters of each query that are arrays.
const (
	subscriptionParams = `user_ids ids versions payment_method_ids statuses period_starts period_ends next_charges charging cancels
		past_due_sinces grace_untils latest_payment_ids started ended`
	paymentParams = `user_ids ids subscription_ids payment_method_ids payment_systems initiators amounts currencies
		period_starts period_ends created`
	settleParams = `user_ids ids versions statuses decline_codes provider_refs action_urls contradictions settled`
	eventParams  = `user_ids ids types ats subscription_ids card_ids plan_codes payment_ids amounts currencies decline_codes
		access_untils retry_ats`
)

func arrays(columns string) string {
	var list []string
	for _, c := range strings.Fields(columns) {
		name, expression, _ := strings.Cut(c, "=")
		list = append(list, "array_agg("+expression+") AS "+name)
	}
	if columns == claimColumns {
		list = append(list, "max(next_charge_at) AS last")
	}
	return strings.Join(list, ", ")
}

// fromA takes parameters from the arrays of the CTE a: those of the same name, or
// of another one.
func fromA(params string, other values) values {
	v := make(values)
	for _, name := range strings.Fields(params) {
		column := name
		if o, ok := other[name]; ok {
			column = o
		}
		v[name] = "(SELECT " + column + " FROM a)"
	}
	return v
}

func (v values) and(name, value string) values { return v.with(values{name: value}) }

func (v values) with(more values) values {
	all := maps.Clone(v)
	maps.Copy(all, more)
	return all
}

// script collects the text of a script and the first error.
type script struct {
	queries queries
	text    strings.Builder
	err     error
}

func (s *script) add(text string) { s.text.WriteString(text) }

func (s *script) query(name string, v values) { s.add(s.take(name, v)) }

// clauses is query within a WITH that has begun already: what a query that
// changes something in a WITH of its own must be.
func (s *script) clauses(name string, v values) { s.add(strings.TrimPrefix(s.take(name, v), "WITH ")) }

func (s *script) take(name string, v values) string {
	text, err := s.queries.with(name, v)
	if s.err == nil {
		s.err = err
	}
	return text
}
