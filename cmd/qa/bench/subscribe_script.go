package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// signupScript is a pgbench script that subscribes one viewer after the other. All
// scripts have the same reads, locks and writes as the service, in its two
// transactions. Statements are prepared.
type signupScript struct {
	name      string
	arrays    bool // the queries of the service with arrays of one element, otherwise single-row SQL
	pipelined bool // one round trip per transaction, otherwise per statement
}

// signupScripts are the candidates for the base of A1 and A2.
var signupScripts = []signupScript{
	{"single rows, statement by statement", false, false},
	{"single rows, pipelined", false, true},
	{"arrays of one, statement by statement", true, false},
	{"arrays of one, pipelined", true, true},
}

// text returns the script for a number of viewers.
func (c signupScript) text(q queries, viewers int) (string, error) {
	first, second := singleRowStatements(), singleRowOutcome()
	if c.arrays {
		var err1, err2 error
		first, err1 = arrayStatements(q)
		second, err2 = arrayOutcome(q)
		if err := errors.Join(err1, err2); err != nil {
			return "", err
		}
	}
	begin, end := "BEGIN;\n", "COMMIT;\n"
	if c.pipelined {
		begin, end = "\\startpipeline\nBEGIN;\n", "COMMIT;\n\\endpipeline\n"
	}
	numbers := fmt.Sprintf("\\set k :k + 1\n\\set n :base + :client_id + :clients * :k\n\\set u :n %% %d + 1\n\\set p :n / %d %% %d\n", viewers, viewers, newPlans)
	return numbers + begin + first + end + begin + second + end, nil
}

// The SQL of a subscription. pgbench sets :n, the number of the subscription, :u, the
// number of the viewer, and :p, the number of the plan.
var (
	signupUser   = user(":u::bigint")
	signupPlan   = uuid(newPlanKind, ":p::bigint")
	signupSystem = "'" + worker.SystemCode + "'"

	signupSubscription = signupID(1)
	signupPayment      = signupID(2)
	signupMethod       = signupID(3)
	signupEvent        = signupID(4)
	signupAgreement    = signupID(5)
)

const (
	signupCode        = "'plan_' || :p"
	signupFingerprint = "sha256(('tok' || :n)::bytea)"
	signupDay         = "now() - interval '1 day'"
	nextMonth         = "now() + interval '1 month'"
)

// signupID returns SQL for a UUIDv7 of the current time that grows with :n.
func signupID(kind int) string {
	ms := fmt.Sprintf("%012x", time.Now().UnixMilli())
	return fmt.Sprintf("('%s-%s-7%03x-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid", ms[:8], ms[8:], kind)
}

// singleRowStatements returns the first transaction as plain SQL: the offer, the live
// subscriptions of the group and the payment method are read and locked, then the intent
// is stored.
func singleRowStatements() string {
	return strings.NewReplacer("{user}", signupUser, "{plan}", signupPlan, "{system}", signupSystem, "{code}", signupCode,
		"{fingerprint}", signupFingerprint, "{month}", nextMonth, "{day}", signupDay,
		"{subscription}", signupSubscription, "{payment}", signupPayment, "{method}", signupMethod, "{agreement}", signupAgreement).Replace(
		`SELECT * FROM plans WHERE code = {code} FOR SHARE;
SELECT * FROM payment_systems WHERE code = {system};
SELECT s.*, p.code FROM subscriptions s JOIN plans p ON p.id = s.plan_id
  WHERE s.user_id = {user} AND s.ended_at IS NULL AND p.plan_group = {code} FOR NO KEY UPDATE OF s;
SELECT * FROM payment_methods WHERE user_id = {user} AND payment_system = {system} AND card_id IS NULL
  AND token_fingerprint = {fingerprint} AND removed_at IS NULL FOR SHARE;
SELECT * FROM payment_methods WHERE user_id = {user} AND payment_system = {system} AND card_id IS NULL
  AND token IS NOT NULL AND removed_at IS NULL FOR SHARE;
SELECT EXISTS (SELECT FROM payments WHERE user_id = {user} AND initiator = 'customer' AND created_at > {day} AND status IN ('declined', 'pending'));
INSERT INTO users (id, first_seen_at, last_seen_at)
  SELECT {user}, now(), now() WHERE NOT EXISTS (SELECT FROM users WHERE id = {user} AND last_seen_at >= now() - interval '1 minute')
  ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at;
INSERT INTO payment_methods (user_id, id, payment_system, token_ct, token_key_id, token_fingerprint, created_at)
  VALUES ({user}, {method}, {system}, decode(repeat('00', 40), 'hex'), 1, {fingerprint}, now());
INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months,
    consent_mac, status, anchor_at, period_start, period_end, charging, cancel_at_period_end, latest_payment_id, created_at, plan_group)
  VALUES ({user}, {subscription}, {plan}, {method}, {system}, 39900, 'RUB', 1,
    decode(repeat('00', 36), 'hex'), 'incomplete', now(), now(), {month}, true, false, {payment}, now(), {code});
INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
    period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, sweep_at, send_until)
  VALUES ({user}, {payment}, {subscription}, {method}, {system}, 'customer', 39900, 'RUB',
    now(), {month}, 'pending', '', '', '', '', now(), statement_timestamp() + interval '20s', statement_timestamp() + interval '20s');
INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, decline_code,
    price_amount, price_currency, interval_months, due_now, first_charge_at)
  VALUES ({user}, {agreement}, 'agreed', now(), {subscription}, {code}, '', 39900, 'RUB', 1, 39900, {month});
`)
}

// singleRowOutcome returns the second transaction as plain SQL. Like the service it
// verifies the current state in its updates instead of locking the rows first.
func singleRowOutcome() string {
	return strings.NewReplacer("{user}", signupUser, "{plan}", signupPlan, "{code}", signupCode, "{month}", nextMonth,
		"{subscription}", signupSubscription, "{payment}", signupPayment, "{event}", signupEvent).Replace(
		`INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, payment_id, amount, currency, decline_code, access_until)
  VALUES ({user}, {event}, 'subscribed', now(), {subscription}, {code}, {payment}, 39900, 'RUB', '', {month});
INSERT INTO panel_deltas (hour, plan_id, type, decline_code, currency, n, amount)
  VALUES (date_trunc('hour', now(), 'UTC'), {plan}, 'subscribed', '', 'RUB', 1, 39900);
UPDATE subscriptions SET status = 'active', next_charge_at = period_end, charging = false, started_at = now()
  WHERE user_id = {user} AND id = {subscription} AND status = 'incomplete';
UPDATE payments SET status = 'succeeded', provider_ref = 'ref', settled_at = now(), sweep_at = NULL, send_until = NULL
  WHERE user_id = {user} AND id = {payment} AND status = 'pending';
`)
}

func array(sql string) string { return "ARRAY[" + sql + "]" }

// arrayStatements is singleRowStatements as the queries of the service, with arrays of
// one element.
func arrayStatements(q queries) (string, error) {
	s := script{queries: q}
	users, system, now, month := array(signupUser), array(signupSystem), array("now()"), array(nextMonth)
	subscription, payment, method := array(signupSubscription), array(signupPayment), array(signupMethod)
	code, fingerprint := array(signupCode), array(signupFingerprint)
	noTime, noID := array("NULL::timestamptz"), array("NULL::uuid")

	s.statement("PlansForShare", values{"codes": code, "ids": noID})
	s.statement("PaymentSystemsNamed", values{"codes": system})
	s.statement("SubscriptionsLive", values{"user_ids": users, "codes": code, "ids": noID})
	s.statement("MethodsByToken", values{
		"user_ids": users, "payment_systems": system, "token_fingerprints": fingerprint,
	})
	s.statement("UsersDeclined", values{"user_ids": users, "since": array(signupDay)})
	s.statement("UsersSeen", values{"ids": users, "at": "now()"})
	s.statement("MethodsAdd", values{
		"user_ids": users, "ids": method, "payment_systems": system, "tokens": array("''"),
		"token_cts": array("decode(repeat('00', 40), 'hex')"), "token_key_ids": array("1"), "token_fingerprints": fingerprint,
		"card_ids": noID, "from_pages": array("false"), "created": now,
	})
	s.statement("SubscriptionsAdd", values{
		"user_ids": users, "ids": subscription, "plan_ids": array(signupPlan), "payment_method_ids": method,
		"payment_systems": system, "price_amounts": array("39900"), "price_currencies": array("'RUB'"),
		"interval_months": array("1"), "consent_macs": array("decode(repeat('00', 36), 'hex')"), "statuses": array("'incomplete'"), "anchors": now, "period_starts": now, "period_ends": month,
		"next_charges": noTime, "charging": array("true"), "cancels": array("false"), "past_due_sinces": noTime, "grace_untils": noTime,
		"latest_payment_ids": payment, "created": now, "started": noTime, "ended": noTime, "plan_groups": code,
	})
	s.statement("PaymentsAdd", values{
		"user_ids": users, "ids": payment, "subscription_ids": subscription, "payment_method_ids": method, "payment_systems": system,
		"initiators": array("'customer'"), "amounts": array("39900"), "currencies": array("'RUB'"), "period_starts": now, "period_ends": month,
		"consent_macs": array("NULL::bytea"), "created": now, "send": "'20s'",
	})
	s.statement("EventsAppendAgreed", values{
		"user_ids": users, "ids": array(signupAgreement), "ats": now, "subscription_ids": subscription, "plan_codes": code, "access_untils": noTime,
		"price_amounts": array("39900"), "price_currencies": array("'RUB'"), "interval_months": array("1"), "dues_now": array("39900"),
		"first_charges": month, "terms_versions": array("''"),
	})
	return s.text.String(), s.err
}

// arrayOutcome is singleRowOutcome as the queries of the service.
func arrayOutcome(q queries) (string, error) {
	s := script{queries: q}
	users, now, month := array(signupUser), array("now()"), array(nextMonth)
	subscription, payment, method := array(signupSubscription), array(signupPayment), array(signupMethod)
	code, noTime, noID := array(signupCode), array("NULL::timestamptz"), array("NULL::uuid")

	s.statement("EventsAppend", values{
		"user_ids": users, "ids": array(signupEvent), "types": array("'subscribed'"), "ats": now, "subscription_ids": subscription, "card_ids": noID,
		"payment_method_ids": noID, "plan_codes": code, "payment_ids": payment, "amounts": array("39900"), "currencies": array("'RUB'"), "decline_codes": array("''"),
		"access_untils": month, "retry_ats": noTime,
	})
	s.statement("SubscriptionsSave", values{
		"user_ids": users, "ids": subscription, "versions": array("'0'::xid"), "payment_method_ids": method, "statuses": array("'active'"),
		"period_starts": now, "period_ends": month, "next_charges": month, "charging": array("false"), "cancels": array("false"),
		"past_due_sinces": noTime, "grace_untils": noTime, "holds": array("''"), "latest_payment_ids": payment, "started": now, "ended": noTime,
	})
	s.statement("PaymentsSave", values{
		"user_ids": users, "ids": payment, "versions": array("'0'::xid"), "statuses": array("'succeeded'"), "decline_codes": array("''"),
		"provider_refs": array("'ref'"), "action_urls": array("''"), "contradictions": array("''"), "settled": now,
	})
	return s.text.String(), s.err
}
