package main

// invariant must hold whenever the world is drained. Its query returns a line for
// each violation.
type invariant struct {
	Name    string `json:"name"`
	Promise string `json:"promise"`
	query   string
}

// invariants are checked after every trial by a superuser, who can read both the
// service's payments and the ledger simulator.charges. audit.go and periods.go hold
// the invariants that are not queries.
var invariants = []invariant{
	{"I1", "each key, and each period of a subscription, is charged at most once", `
		SELECT format('key %s was charged %s times', key, count(*))
		FROM simulator.charges GROUP BY key HAVING count(*) > 1
		UNION ALL
		SELECT format('subscription %s was charged %s times for the period from %s', p.subscription_id, count(*), p.period_start)
		FROM simulator.charges c JOIN payments p ON p.id::text = c.key
		GROUP BY p.subscription_id, p.period_start HAVING count(DISTINCT p.id) > 1`},
	{"I2", "each succeeded payment, and each that was charged too late, has a charge of the same amount in the ledger, each charge has a payment, and only a person gives up payments that are charged later", `
		SELECT CASE
			WHEN p.id IS NULL THEN format('the ledger has a charge of %s %s for key %s, but the payment is %s',
				c.amount, c.currency, c.key, coalesce((SELECT o.status FROM payments o WHERE o.id::text = c.key), 'missing'))
			WHEN c.key IS NULL THEN format('payment %s succeeded, but the ledger has no charge', p.id)
			ELSE format('payment %s is for %s %s, but its charge is for %s %s', p.id, p.amount, p.currency, c.amount, c.currency) END
		FROM (SELECT * FROM payments WHERE status = 'succeeded' OR charged_late_at IS NOT NULL) p
		FULL JOIN (SELECT DISTINCT ON (key) * FROM simulator.charges) c ON c.key = p.id::text
		WHERE p.id IS NULL OR c.key IS NULL OR p.amount <> c.amount OR p.currency <> c.currency
		UNION ALL
		SELECT format('payment %s was %s and not by a person, but it was charged later', p.id, p.status)
		FROM payments p WHERE p.charged_late_at IS NOT NULL
			AND NOT EXISTS (SELECT FROM panel_audit a WHERE a.action = 'payment.settle' AND a.object = p.id::text)`},
	{"price", "every payment of a subscription is for the price that the viewer agreed to", `
		SELECT format('payment %s is for %s, but the agreed price is %s', p.id, p.amount, first.amount)
		FROM payments p
		JOIN LATERAL (SELECT f.amount, f.currency FROM payments f
			WHERE f.user_id = p.user_id AND f.subscription_id = p.subscription_id ORDER BY f.id LIMIT 1) first ON true
		WHERE p.amount <> first.amount OR p.currency <> first.currency`},
	{"I3", "each started subscription has a payment or grants for its current period, and gives each paid or given period", `
		SELECT format('subscription %s is %s until %s, but that time is neither paid nor given', s.id, s.status, s.period_end)
		FROM subscriptions s
		WHERE s.started_at IS NOT NULL AND NOT EXISTS (SELECT FROM payments p
			WHERE p.user_id = s.user_id AND p.subscription_id = s.id AND p.status = 'succeeded'
			  AND p.period_start = s.period_start AND p.period_end = s.period_end)
		AND (NOT EXISTS (SELECT FROM grants g WHERE g.user_id = s.user_id AND g.subscription_id = s.id)
			OR NOT (SELECT range_agg(tstzrange(x.period_start, x.period_end)) @> tstzrange(s.period_start, s.period_end)
				FROM (SELECT p.period_start, p.period_end FROM payments p
						WHERE p.user_id = s.user_id AND p.subscription_id = s.id AND p.status = 'succeeded'
					UNION ALL SELECT g.period_start, g.period_end FROM grants g WHERE g.user_id = s.user_id AND g.subscription_id = s.id) x))
		UNION ALL
		SELECT format('grant %s gives until %s, but subscription %s ends at %s', g.id, g.period_end, s.id, s.period_end)
		FROM grants g JOIN subscriptions s ON s.user_id = g.user_id AND s.id = g.subscription_id
		WHERE g.period_end > s.period_end
		UNION ALL
		SELECT format('grant %s gives time that payment %s has paid', g.id, p.id)
		FROM grants g JOIN payments p ON p.user_id = g.user_id AND p.subscription_id = g.subscription_id AND p.status = 'succeeded'
			AND tstzrange(p.period_start, p.period_end) && tstzrange(g.period_start, g.period_end)
		UNION ALL
		SELECT format('payment %s pays until %s, but subscription %s ends at %s', p.id, p.period_end, s.id, s.period_end)
		FROM payments p JOIN subscriptions s ON s.user_id = p.user_id AND s.id = p.subscription_id
		WHERE p.status = 'succeeded' AND p.charged_late_at IS NULL AND (p.period_end > s.period_end OR s.started_at IS NULL)`},
	{"I4", "no payment stays pending", `
		SELECT format('payment %s is still pending', id) FROM payments WHERE status = 'pending' AND contradiction = ''
		UNION ALL
		SELECT format('subscription %s has charging = %s, which its payments contradict', s.id, s.charging) FROM subscriptions s
		WHERE s.charging <> EXISTS (SELECT FROM payments p
			WHERE p.user_id = s.user_id AND p.subscription_id = s.id AND p.status = 'pending' AND s.ended_at IS NULL)`},
	{"I5", "no more goes back than was paid: each refund is made once at the payment system, for the amount that is stored and reserved", `
		SELECT CASE
			WHEN r.id IS NULL THEN format('the payment system refunded %s of payment %s under key %s, which is not stored', t.amount, t.payment, t.key)
			WHEN t.key IS NULL THEN format('refund %s succeeded, but the payment system has none', r.id)
			ELSE format('refund %s of %s is %s, but at the payment system %s of %s', r.id, r.amount, r.status, t.status, t.amount) END
		FROM (SELECT * FROM refunds WHERE status IN ('pending', 'succeeded')) r FULL JOIN simulator.refunds t ON t.key = r.id::text
		WHERE r.id IS NULL OR t.key IS NULL OR r.amount <> t.amount OR r.status <> t.status
		UNION ALL
		SELECT format('the refunds of payment %s sum up to %s, but %s of %s are reserved', p.id, coalesce(r.sum, 0), p.refunded, p.amount)
		FROM payments p LEFT JOIN (SELECT user_id, payment_id, sum(amount) FROM refunds WHERE status IN ('pending', 'succeeded') GROUP BY 1, 2) r
			ON r.user_id = p.user_id AND r.payment_id = p.id
		WHERE p.refunded <> coalesce(r.sum, 0) OR p.refunded > p.amount
		UNION ALL
		SELECT format('payment %s was charged too late, but only %s of %s go back', id, refunded, amount)
		FROM payments WHERE charged_late_at IS NOT NULL AND refunded <> amount
		UNION ALL
		SELECT format('refund %s is still pending', id) FROM refunds WHERE status = 'pending'
		UNION ALL
		SELECT format('payment %s has %s refunds, but the history has %s requests', payment_id, count(*), max(requests))
		FROM (SELECT r.payment_id, (SELECT count(*) FROM events e WHERE e.user_id = r.user_id AND e.payment_id = r.payment_id
				AND e.type = 'refund_requested') FROM refunds r) n (payment_id, requests)
		GROUP BY payment_id HAVING count(*) <> max(requests)`},
	{"I19", "each succeeded payment and refund that needs a receipt was sent with it, and its stored status is that of the payment system", `
		SELECT format('%s %s succeeded, but no receipt is stored', m.kind, m.id)
		FROM (SELECT 'payment', p.user_id, p.id, p.id FROM payments p WHERE p.status = 'succeeded'
			UNION ALL SELECT 'refund', f.user_id, f.id, f.payment_id FROM refunds f WHERE f.status = 'succeeded') m (kind, user_id, id, payment_id)
		WHERE EXISTS (SELECT FROM receipts) AND NOT EXISTS (SELECT FROM receipts r WHERE r.user_id = m.user_id AND r.id = m.id)
		UNION ALL
		SELECT format('%s %s was sent with the receipt %L, but %L is stored', t.kind, r.id, t.receipt, stored.receipt)
		FROM (SELECT 'payment', key, receipt, receipt_fails FROM simulator.requests
			UNION ALL SELECT 'refund', key, receipt, receipt_fails FROM simulator.refunds) t (kind, key, receipt, fails)
		JOIN receipts r ON r.id::text = t.key,
		LATERAL (SELECT format('%s|%s|%s|%s', r.item, r.vat, r.mode, r.tax_system)) stored (receipt)
		WHERE t.receipt IS DISTINCT FROM stored.receipt
		UNION ALL
		SELECT format('receipt %s is %s, but at the payment system it failed: %s', r.id, r.status, t.fails)
		FROM (SELECT key, receipt_fails FROM simulator.requests UNION ALL SELECT key, receipt_fails FROM simulator.refunds) t (key, fails)
		JOIN receipts r ON r.id::text = t.key
		WHERE r.status IN ('registered', 'failed') AND (r.status = 'failed') <> t.fails`},
	{"I6", "a viewer has one live subscription to a plan", `
		SELECT format('user %s has %s live subscriptions to plan %s', user_id, count(*), plan_id)
		FROM subscriptions WHERE ended_at IS NULL GROUP BY user_id, plan_id HAVING count(*) > 1`},
	{"I13", "a viewer has one live subscription to the plans of a group", `
		SELECT format('user %s has %s live subscriptions to plans of group %s', s.user_id, count(*), p.plan_group)
		FROM subscriptions s JOIN plans p ON p.id = s.plan_id
		WHERE s.ended_at IS NULL GROUP BY s.user_id, p.plan_group HAVING count(*) > 1`},
	{"I7", "the succeeded payments and the charges have the same sum", `
		SELECT format('the payments sum up to %s, the charges to %s', here, there)
		FROM (SELECT coalesce(sum(amount), 0) FROM payments WHERE status = 'succeeded' OR charged_late_at IS NOT NULL) a (here),
		     (SELECT coalesce(sum(amount), 0) FROM simulator.charges) b (there)
		WHERE here <> there`},
	{"I10", "the history has exactly one event for each change", `
		SELECT format('payment %s is %s, but the history has %s events for that', p.id, p.status, count(e.id))
		FROM payments p LEFT JOIN events e ON e.user_id = p.user_id AND e.payment_id = p.id
			AND e.type = ANY(CASE p.status WHEN 'succeeded' THEN '{subscribed,renewed}'
				WHEN 'declined' THEN '{payment_declined}' ELSE '{payment_abandoned}' END::text[])
		WHERE p.status <> 'pending' AND (p.status <> 'succeeded' OR p.charged_late_at IS NULL)
		GROUP BY p.id, p.status HAVING count(e.id) <> 1
		UNION ALL
		SELECT format('subscription %s has ended, but the history has %s events for that', s.id, count(e.id))
		FROM subscriptions s LEFT JOIN events e ON e.user_id = s.user_id AND e.subscription_id = s.id AND e.type = 'ended'
		WHERE s.started_at IS NOT NULL AND s.ended_at IS NOT NULL
		GROUP BY s.id HAVING count(e.id) <> 1
		UNION ALL
		SELECT format('subscription %s was ordered, but the history has %s agreements for that', s.id, count(e.id))
		FROM subscriptions s LEFT JOIN events e ON e.user_id = s.user_id AND e.subscription_id = s.id
			AND e.type = 'agreed' AND e.at = s.created_at
		WHERE s.payment_method_id IS NOT NULL -- a given plan needs no agreement
		GROUP BY s.id HAVING count(e.id) <> 1
		UNION ALL
		SELECT format('subscription %s has cancel_at_period_end = %s, but its history says %s', s.id, s.cancel_at_period_end, c.requested)
		FROM subscriptions s, LATERAL (SELECT coalesce((SELECT e.type = 'cancel_requested' FROM events e
			WHERE e.user_id = s.user_id AND e.subscription_id = s.id AND e.type IN ('cancel_requested', 'cancel_revoked')
			ORDER BY e.id DESC LIMIT 1), false)) c (requested)
		WHERE s.ended_at IS NULL AND s.payment_method_id IS NOT NULL AND s.cancel_at_period_end <> c.requested`},
	{"given", "a subscription that was given is never charged, and ends", `
		SELECT format('payment %s was created for subscription %s, which was given', p.id, s.id)
		FROM subscriptions s JOIN grants g ON g.user_id = s.user_id AND g.subscription_id = s.id AND g.period_start = s.started_at
		JOIN payments p ON p.user_id = s.user_id AND p.subscription_id = s.id
		UNION ALL
		SELECT format('subscription %s, which was given, would be renewed', s.id)
		FROM subscriptions s JOIN grants g ON g.user_id = s.user_id AND g.subscription_id = s.id AND g.period_start = s.started_at
		WHERE NOT s.cancel_at_period_end OR s.next_charge_at IS NOT NULL OR s.payment_method_id IS NOT NULL`},
	{"I12", "no charge is above the viewer's latest agreement before it", `
		SELECT format('payment %s of subscription %s is for %s %s, but the viewer had agreed to %s %s',
			p.id, p.subscription_id, p.amount, p.currency, agreed.amount, agreed.currency)
		FROM payments p
		JOIN subscriptions s ON s.user_id = p.user_id AND s.id = p.subscription_id
		LEFT JOIN LATERAL (SELECT e.due_now, e.price_amount, e.price_currency FROM events e
			WHERE e.user_id = p.user_id AND e.subscription_id = p.subscription_id AND e.type = 'agreed' AND e.at <= p.created_at
			ORDER BY e.at DESC, e.id DESC LIMIT 1) a ON true,
		LATERAL (SELECT CASE -- earlier versions stored no agreement
				WHEN a.price_amount IS NULL THEN s.price_amount
				WHEN p.initiator = 'customer' THEN a.due_now
				ELSE a.price_amount END, coalesce(a.price_currency, s.price_currency)) agreed (amount, currency)
		WHERE p.amount > agreed.amount OR p.currency <> agreed.currency`},
	{"I16", "no renewal is charged before the time that its reminder announced, and each reminder is given once", `
		SELECT format('payment %s was created at %s, but a reminder announced the charge for %s', p.id, p.created_at, e.charge_at)
		FROM payments p JOIN events e ON e.user_id = p.user_id AND e.subscription_id = p.subscription_id
			AND e.type = 'renewal_reminder' AND e.access_until <= p.period_start AND e.charge_at > p.created_at
		WHERE p.initiator = 'merchant'
		UNION ALL
		SELECT format('subscription %s has %s reminders of the charge after %s for the reason %s', subscription_id, count(*), access_until, reason)
		FROM events WHERE type = 'renewal_reminder'
		GROUP BY subscription_id, access_until, reason HAVING count(*) > 1`},
	{"cancel", "a cancelled subscription is not billed again", `
		SELECT format('payment %s was created after subscription %s was cancelled', p.id, p.subscription_id)
		FROM payments p JOIN events c ON c.user_id = p.user_id AND c.subscription_id = p.subscription_id
			AND c.type = 'cancel_requested' AND c.id < p.id
		WHERE NOT EXISTS (SELECT FROM events r
			WHERE r.user_id = p.user_id AND r.subscription_id = p.subscription_id
			  AND r.type = 'cancel_revoked' AND r.id > c.id AND r.id < p.id)`},
	{"ended", "an ended subscription is not billed again", `
		SELECT format('payment %s was created after subscription %s had ended', p.id, p.subscription_id)
		FROM payments p JOIN events e ON e.user_id = p.user_id AND e.subscription_id = p.subscription_id
			AND e.type = 'ended' AND e.id < p.id`},
	{"start", "the first period begins when it is paid", `
		SELECT format('payment %s was paid at %s, but its period began at %s', p.id, p.settled_at, p.period_start)
		FROM payments p JOIN events e ON e.user_id = p.user_id AND e.payment_id = p.id AND e.type = 'subscribed'
		WHERE p.settled_at > p.period_start + interval '1 minute'`},
	{"removed", "no payment is created for a removed card or payment method", `
		SELECT format('payment %s was created at %s, but its payment method was removed at %s', p.id, p.created_at, m.removed_at)
		FROM payments p JOIN payment_methods m ON m.user_id = p.user_id AND m.id = p.payment_method_id
		WHERE p.created_at > m.removed_at`},
	{"I20", "an instruction is done once, and each of its events has its author and reason", `
		SELECT format('instruction %s is still open', id) FROM instructions WHERE state = 'open'
		UNION ALL
		SELECT format('instruction %s to %s is %s, but caused %s events', i.id, i.kind, i.state, count(a.event_id))
		FROM instructions i LEFT JOIN event_authors a ON a.user_id = i.user_id AND a.instruction_id = i.id
		GROUP BY i.id, i.kind, i.state HAVING (count(a.event_id) > 0) <> (i.state = 'done')
		UNION ALL
		SELECT format('instruction %s caused %s events of type %s', a.instruction_id, count(*), e.type)
		FROM event_authors a LEFT JOIN events e ON e.user_id = a.user_id AND e.id = a.event_id
		WHERE a.instruction_id IS NOT NULL
		GROUP BY a.instruction_id, e.type, e.subscription_id HAVING count(*) <> 1
		UNION ALL
		SELECT format('event %s has the author %s, unlike its instruction', a.event_id, a.author)
		FROM event_authors a LEFT JOIN instructions i ON i.user_id = a.user_id AND i.id = a.instruction_id
		WHERE a.instruction_id IS NOT NULL AND (i.author, i.reason) IS DISTINCT FROM (a.author, a.reason)
		UNION ALL
		SELECT format('grant %s has %s events', g.id, count(e.id))
		FROM grants g LEFT JOIN event_authors a ON a.user_id = g.user_id AND a.instruction_id = g.id
		LEFT JOIN events e ON e.user_id = a.user_id AND e.id = a.event_id AND e.type = 'period_given'
		WHERE EXISTS (SELECT FROM instructions i WHERE i.user_id = g.user_id AND i.id = g.id)
		GROUP BY g.id HAVING count(e.id) <> 1`},
	{"I21", "after the end of a plan is stored, nothing is charged for it, and each of its live subscriptions is cancelled once, with the author and the reason", `
		SELECT format('payment %s was created after the end of plan %s was stored', p.id, l.code)
		FROM plan_endings n JOIN plans l ON l.id = n.plan_id AND l.ending_at = n.started_at
		JOIN panel_audit a ON a.action = 'plan.end' AND a.object = l.code
		JOIN subscriptions s ON s.plan_id = l.id
		JOIN payments p ON p.user_id = s.user_id AND p.subscription_id = s.id
		WHERE ('x' || left(replace(p.id::text, '-', ''), 12))::bit(48)::bigint > 1000 + ('x' || left(replace(a.id::text, '-', ''), 12))::bit(48)::bigint
		UNION ALL
		SELECT format('the pass over the subscriptions of plan %s is not over', plan_id) FROM plan_endings WHERE done_at IS NULL
		UNION ALL
		SELECT format('the pass left out %s subscriptions of plan %s', failed, plan_id) FROM plan_endings WHERE failed > 0
		UNION ALL
		SELECT format('subscription %s renews, although plan %s is being ended', s.id, l.code)
		FROM subscriptions s JOIN plans l ON l.id = s.plan_id
		WHERE l.ending_at IS NOT NULL AND s.ended_at IS NULL AND NOT s.cancel_at_period_end
		UNION ALL
		SELECT format('subscription %s was cancelled %s times with its plan', subscription_id, count(*))
		FROM events WHERE type = 'cancel_requested' AND decline_code = 'plan_ended'
		GROUP BY subscription_id HAVING count(*) > 1
		UNION ALL
		SELECT format('event %s has the author %s and the reason %s, unlike the end of its plan', e.id, a.author, a.reason)
		FROM events e JOIN plans l ON l.code = e.plan_code JOIN plan_endings n ON n.plan_id = l.id
		LEFT JOIN event_authors a ON a.user_id = e.user_id AND a.event_id = e.id
		WHERE e.type = 'cancel_requested' AND e.decline_code = 'plan_ended' AND (a.author, a.reason) IS DISTINCT FROM (n.author, n.reason)
		UNION ALL
		SELECT format('the pass over plan %s counts %s subscriptions, but the history has %s', n.plan_id, n.cancelled + n.ended, c.cancels)
		FROM plan_endings n JOIN plans l ON l.id = n.plan_id, LATERAL (SELECT count(*) FROM events e
			WHERE e.plan_code = l.code AND e.type = 'cancel_requested' AND e.decline_code = 'plan_ended') c (cancels)
		WHERE n.cancelled + n.ended <> c.cancels`},
	{"I8", "neither the database nor the programs' output contains a card number, payment token or contact in plaintext", `
		SELECT format('%s is in plaintext in %s', text, place) FROM (
			SELECT 'cards', c::text FROM cards c
			UNION ALL SELECT 'payment_methods', m::text FROM payment_methods m
			UNION ALL SELECT 'receipt_contacts', c::text FROM receipt_contacts c
			UNION ALL SELECT 'idempotency_answers', encode(a.body, 'escape') FROM idempotency_answers a) all_of (place, text)
		WHERE text LIKE '%` + cardNumber + `%' OR text LIKE '%tok\_%' OR text LIKE '%` + contactDomain + `%'`},
}

// codedInvariants are the invariants that are checked in Go.
var codedInvariants = []invariant{
	{"I9", "paid and given periods are consecutive, and the paid ones are months, counted from the anchor", ""},
	{"I11", "unknown outcomes are settled within 15 minutes after the faults have ended", ""},
	{"I17", "each endpoint receives every event with a fresh signature, and those of a viewer in order", ""},
	{"I18", "no webhook goes to an address that is not allowed", ""},
	{"answers", "equal requests get equal responses, and each response agrees with the payments table", ""},
	{"reconcile", "billingctl reconcile finds nothing", ""},
}
