package main

import "regexp"

// mutant is a bug planted on purpose. The suite is trusted only while the
// scenario finds it.
type mutant struct {
	name     string // in cmd/internal/mutant, or in schemaMutants
	plants   string
	scenario string
	found    string // a pattern of what the scenario must find fault with, so that nothing else passes for it
	seeds    int    // in how many trials it must be found once; 0 is 1
}

// Those come first that take long to find.
var mutants = []mutant{
	{name: "unguarded", scenario: "race/runs", found: `^I1`, plants: "a run reads what is due without locking it, and the schema refuses nothing"},
	{name: "change-without-lock", scenario: "race/cancel", found: `^I[34]`, plants: "a viewer's change is written over what was recorded since the subscription was read"},
	{name: "new-key-on-retry", scenario: "payment system/mixed faults", found: `^I2`, plants: "a lost answer is followed by another charge with a key of its own"},
	{name: "timeout-is-decline", scenario: "payment system/mixed faults", found: `^I2`, plants: "a lost answer is taken for a no"},
	{name: "amount-not-compared", scenario: "payment system/wrong sums", found: `^another sum`, plants: "what was asked for is believed to have been taken"},
	{name: "charge-in-transaction", scenario: "database/cut at commit", found: `^I2`, plants: "money moves before the intent is committed"},
	{name: "claim-without-lock", scenario: "race/runs", found: `has a payment that is not settled`, plants: "a run reads what is due without locking it; the schema still refuses two payments"},
	{name: "watermark-not-reset", scenario: "race/locked", found: `^the run passed by`, plants: "a run never looks again at what was locked when it passed"},
	{name: "settle-without-rereading", scenario: "held/after the charge", found: `^I10`, plants: "an outcome is recorded over what another process has settled"},
	{name: "written-over", scenario: "race/while charged", found: `^I10`, plants: "the outcome of a renewal is written over what the viewer did since it was claimed"},
	{name: "removal-does-not-wait", scenario: "race/remove card", found: `^the removal`, plants: "the removal of a card does not wait for charges that may still be sent"},
	{name: "resend-without-grant", scenario: "held/two sweeps", found: `^I2`, plants: "a sweep decides about a charge that another is sending"},
	{name: "no-send-window", scenario: "held/before the charge", found: `^I2`, plants: "a sweep gives up for a process that may still send"},
	{name: "price-from-cache", scenario: "race/price", found: `^the price`, plants: "the price is read once, outside of the transaction"},
	{name: "renewal-at-todays-price", scenario: "race/price", found: `^price`, plants: "a renewal takes the plan's price, not the viewer's"},
	{name: "cancelled-is-renewed", scenario: "race/cancel", found: `^cancel:`, plants: "a run overlooks that the viewer has cancelled"},
	{name: "key-not-claimed", scenario: "parallel/one key", found: `^asked again|^request`, plants: "the Idempotency-Key is not noted with the work"},
	{name: "no-unique-rule", scenario: "parallel/many keys", found: `^I6`, seeds: 5, plants: "the schema allows two live subscriptions to a plan"},
	{name: "history-forgotten", scenario: "parallel/many keys", found: `^I10`, plants: "what happens is not written into the history"},
	{name: "anchor-drifts", scenario: "race/clocks", found: `^I9`, plants: "months are counted from the last one"},
}

// by is the first violation that gives a planted bug away.
func (r *result) by() (string, bool) {
	for _, m := range mutants {
		if m.name != r.Mutant {
			continue
		}
		given := regexp.MustCompile(m.found)
		for _, v := range r.Violations {
			if given.MatchString(v) {
				return v, true
			}
		}
	}
	return "", false
}

// schemaMutants are planted in the database.
var schemaMutants = map[string][]string{
	"unguarded":      {`DROP INDEX payments_one_open, payments_paid_once`},
	"no-unique-rule": {`DROP INDEX subscriptions_one_live`},
}
