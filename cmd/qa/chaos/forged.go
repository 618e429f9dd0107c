package main

import "context"

// forgeries returns the scenarios with rows that the service did not write.
func forgeries() []scenario {
	return []scenario{{
		name: "forged/terms", short: 1, long: 5,
		description: "prices are raised and pending payments are added in the database: nothing is charged that the viewer did not agree to, and runs report it until the prices are restored",
		run:         forgedTerms,
	}}
}

const agreedPrice, forgedPrice = 39900, 9999900

// forgedTerms does not audit the world, because the forged payments stay in it.
func forgedTerms(t *trial) {
	const each = 4
	w, _ := t.dueWorld(4*each, "tok_ok")
	w.forge(each)
	if found := w.reconcile(); len(found.Different) != 3*each {
		w.violated("forged: reconcile found %v, want %d different", found, 3*each)
	}
	w.api() // its sweep takes the forged payments too
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("forged: payments are still pending")
	}
	// The subscriptions with forged payments alone are renewed for the agreed price.
	w.expectRun("forged", 1, runSummary{Due: 4 * each, Renewed: 2 * each, Failed: 2 * each})
	w.expectRun("forged", 1, runSummary{Due: 2 * each, Failed: 2 * each})
	w.auditForged()
	_, err := w.pool.Exec(w.ctx, `UPDATE subscriptions SET price_amount = $1`, agreedPrice)
	w.require("restore the prices", err)
	w.expectRun("forged", 0, runSummary{Due: 2 * each, Renewed: 2 * each})
	w.auditForged()
	w.checkCharges(8 * each)
	w.count("forged rows", 4*each)
	w.countTotals()
}

// forge changes n subscriptions in each of three ways: a pending payment is added, by the
// role of billing-renew; the price is raised; or both, by the owner.
func (w *world) forge(n int) {
	const ofUsers = `(SELECT id FROM subscriptions WHERE ended_at IS NULL ORDER BY user_id OFFSET $1 LIMIT $2)`
	pending := `INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
			period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, sweep_at, send_until)
		SELECT user_id, gen_random_uuid(), id, payment_method_id, payment_system, 'merchant', $3, price_currency,
			period_end, period_end + interval '1 month', 'pending', '', '', '', '', created_at, now(), now()
		FROM subscriptions WHERE id IN ` + ofUsers
	tx, err := w.pool.Begin(w.ctx)
	w.require("forge", err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(w.ctx)) }()
	do := func(query string, args ...any) {
		_, err := tx.Exec(w.ctx, query, args...)
		w.require("forge", err)
	}
	do(`SET LOCAL ROLE billing_renew`)
	do(pending, 0, n, forgedPrice)
	do(`RESET ROLE`)
	do(`UPDATE subscriptions SET price_amount = $3 WHERE id IN `+ofUsers, n, 2*n, forgedPrice)
	do(pending, 2*n, n, forgedPrice)
	w.require("forge", tx.Commit(w.ctx))
}

// auditForged checks that no forged amount was charged, and that no subscription ended
// after it was active. On a slow machine a first payment may have failed.
func (w *world) auditForged() {
	for _, line := range w.queryLines(`SELECT format('the ledger has a charge of %s for payment %s', amount, key)
		FROM simulator.charges WHERE amount <> 39900`) {
		w.violated("forged: %s", line)
	}
	if n := w.queryInt(`SELECT count(*) FROM subscriptions WHERE ended_at IS NOT NULL AND started_at IS NOT NULL`); n != 0 {
		w.violated("forged: %d subscriptions have ended", n)
	}
}

// expectRun makes a run and compares its exit code and summary.
func (w *world) expectRun(what string, code int, want runSummary) {
	gotCode, got := w.startRun().wait()
	if gotCode != code || got != want {
		w.violated("%s: a run exited with code %d: %+v, want %d: %+v", what, gotCode, got, code, want)
	}
}
