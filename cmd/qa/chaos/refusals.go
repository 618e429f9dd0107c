package main

// refusals returns the scenario of a payment system that refuses every charge for a fault
// of the service.
func refusals() []scenario {
	return []scenario{{
		name: "payment system/wrong account", short: 1, long: 5,
		description: "the service uses the account of another environment, which knows no token: no subscription is put on hold or ends, and all are renewed when the account is right",
		run:         wrongAccount,
	}}
}

func wrongAccount(t *trial) {
	const n = 60
	const fault = "BILLING_SIMULATOR_MISHAPS=unknown_tokens=1"
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s") // so that all subscribe on a slow machine
	a := w.api(fault)                                            // it sends again what the runs have left
	for range 2 {
		code, sum := w.startRun(fault).wait()
		w.note("the run exited with code %d: %+v", code, sum)
		if code != 1 || sum.Failed == 0 || sum.Declined > 0 || sum.Held > 0 || sum.Ended > 0 {
			w.violated("wrong account: the run exited with code %d: %+v, want only failed renewals", code, sum)
		}
	}
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("wrong account: %d payments are open", w.queryInt(openPayments))
	}
	if lost := w.queryInt(`SELECT count(*) FROM subscriptions WHERE status <> 'active' AND started_at IS NOT NULL`); lost > 0 {
		w.violated("wrong account: %d of %d subscriptions are past due or have ended", lost, n)
	}
	a.kill()
	w.check()
	w.checkRenewed(n, 0)
	w.checkCharges(2 * n)
}
