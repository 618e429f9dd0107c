package main

import (
	"fmt"

	"github.com/online-cinema/billing/adapters/auth"
)

// refusedRows returns the scenario of a database that refuses the outcome of one payment.
func refusedRows() []scenario {
	return []scenario{{
		name: "database/refuses a row", short: 1, long: 5,
		description: "the database refuses the outcome of one renewal: that payment stays pending, and the other renewals of its batch are recorded",
		run:         refusesRow,
	}}
}

// refuseOutcome refuses to settle the payments of a user.
const refuseOutcome = `
	CREATE FUNCTION refuse_outcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the outcome is refused'; END $$;
	CREATE TRIGGER refuse_outcome BEFORE UPDATE ON payments FOR EACH ROW
	WHEN (NEW.status <> 'pending' AND NEW.user_id = '%s') EXECUTE FUNCTION refuse_outcome()`

func refusesRow(t *trial) {
	const n = 30
	w, viewers := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	odd := viewers[t.rng("row").IntN(n)]
	t.require("trigger", w.server.exec(w.ctx, w.name, fmt.Sprintf(refuseOutcome, auth.UserID(odd.name))))
	// All charges end at the same time, so that their outcomes are recorded in batches.
	run := w.startRunWith(released, []string{"--concurrency", fmt.Sprint(n)}, "BILLING_SIMULATOR_MISHAPS=latency=200ms")
	code, sum := run.wait()
	w.note("the run exited with code %d: %+v", code, sum)
	if open := w.queryInt(openPayments); code != 1 || sum.Due != n || sum.Renewed != n-1 || sum.Unknown != 1 || open != 1 {
		w.violated("refused row: the run exited with code %d and left %d payments open: %+v; want %d renewed and one unknown", code, open, sum, n-1)
	}
	w.count("outcomes refused", 1)
	t.require("trigger", w.server.exec(w.ctx, w.name, `DROP FUNCTION refuse_outcome CASCADE`))
	w.check()
	w.checkRenewed(n, 0)
	w.checkCharges(2 * n)
}
