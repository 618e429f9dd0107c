package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// The baseline of renewals is the SQL of the service in pgbench, without decisions
// by a client. Each transaction is one statement for a whole batch. It builds its
// arrays in the server, so that only the keys for the second transaction leave the
// server.

// renewalScript returns both transactions of a batch.
func renewalScript(ctx context.Context, q queries, d *dataset, batch int) (string, error) {
	due, err := columnsOf(ctx, d, "subscriptions")
	if err != nil {
		return "", err
	}
	s := script{queries: q}
	s.add("WITH due (" + due + ", plan_code, current_group, version, token, token_ct, token_key_id, card_id, linked_at, removed_at) AS (\n")
	s.query("SubscriptionsLockDue", values{"from_at": ":since", "now": ":now", "notice_by": "NULL", "systems": "'{" + worker.SystemCode + "}'", "take": fmt.Sprint(batch)})
	s.add("\n), a AS (SELECT " + arrays(claimColumns) + ` FROM (
  SELECT *, '0'::xid AS locked, ` + newID + ` AS payment_id, period_end + make_interval(months => interval_months) AS next FROM due) d
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

	// billing-renew keeps the rows of the first transaction in memory. Here they are
	// read again.
	s.add("WITH a AS (SELECT " + arrays(recordColumns) + ` FROM (
  SELECT s.*, s.xmin AS version, '` + planCode + `'::text AS plan_code, ` + newID + ` AS event_id FROM (SELECT unnest(:users::uuid[]) AS user_id, unnest(:subs::uuid[]) AS id) k
  JOIN subscriptions s ON s.user_id = k.user_id AND s.id = k.id) d
), settled AS (` + "\n")
	s.query("PaymentsSave", fromA(settleParams, values{"ids": "payment_ids", "statuses": "succeeded", "settled": "nows"}))
	s.add("\n), saved AS (\n")
	s.query("SubscriptionsSave", fromA(subscriptionParams, nil))
	s.add("\n), ")
	s.clauses("EventsAppend", fromA(eventParams, values{
		"ids": "event_ids", "ats": "nows", "subscription_ids": "ids", "card_ids": "no_ids", "payment_method_ids": "no_ids", "access_untils": "period_ends", "retry_ats": "nulls",
	}))
	s.add(";\n")
	return s.text.String(), s.err
}

// newID is SQL for a UUIDv7, which grows with time like the ids of the service: the
// milliseconds of Unix time over the first six bytes of a random UUID.
const newID = `encode(overlay(uuid_send(gen_random_uuid())
	placing substring(int8send((1000 * extract(epoch FROM statement_timestamp()))::bigint) FROM 3) FROM 1), 'hex')::uuid`

// columnsOf returns the columns of a table, in their order.
func columnsOf(ctx context.Context, d *dataset, table string) (string, error) {
	var names []string
	err := onConn(ctx, d.url(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT attname FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	return strings.Join(names, ", "), err
}

// The arrays that the transactions build of their rows: name=expression.
const (
	subscriptionColumns = `user_ids=user_id ids=id payment_method_ids=payment_method_id cancels=cancel_at_period_end
		past_due_sinces=past_due_since grace_untils=grace_until holds=hold started=started_at ended=ended_at `
	claimColumns = subscriptionColumns + `versions=locked statuses=status period_starts=period_start period_ends=period_end
		next_charges=next charging=true latest_payment_ids=payment_id payment_ids=payment_id
		payment_systems=payment_system initiators='merchant'::text amounts=price_amount currencies=price_currency consent_macs=NULL::bytea created=:now::timestamptz`
	recordColumns = subscriptionColumns + `versions=version statuses='active'::text period_starts=period_end period_ends=next_charge_at
		next_charges=next_charge_at charging=false latest_payment_ids=latest_payment_id payment_ids=latest_payment_id succeeded='succeeded'::text provider_refs='ref'::text
		decline_codes=''::text action_urls=''::text contradictions=''::text nows=:now::timestamptz event_ids=event_id types='renewed'::text
		plan_codes=plan_code amounts=price_amount currencies=price_currency nulls=NULL::timestamptz no_ids=NULL::uuid`
)

// The array parameters of each query.
const (
	subscriptionParams = `user_ids ids versions payment_method_ids statuses period_starts period_ends next_charges charging cancels
		past_due_sinces grace_untils holds latest_payment_ids started ended`
	paymentParams = `user_ids ids subscription_ids payment_method_ids payment_systems initiators amounts currencies
		period_starts period_ends consent_macs created`
	settleParams = `user_ids ids versions statuses decline_codes provider_refs action_urls contradictions settled`
	eventParams  = `user_ids ids types ats subscription_ids card_ids payment_method_ids plan_codes payment_ids amounts currencies decline_codes
		access_untils retry_ats`
)

// arrays returns the select list that builds the arrays.
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

// fromA takes parameters from the arrays of the CTE a. renamed maps a parameter to
// an array with another name.
func fromA(params string, renamed values) values {
	v := make(values)
	for _, name := range strings.Fields(params) {
		column := name
		if other, ok := renamed[name]; ok {
			column = other
		}
		v[name] = "(SELECT " + column + " FROM a)"
	}
	return v
}
