package main

import "regexp"

// mutant is a bug planted on purpose. The suite is trusted only while the
// scenario finds it.
type mutant struct {
	name        string // in cmd/internal/mutant, or in schemaMutants
	description string
	scenario    string
	pattern     string // a pattern of what the scenario must find fault with, so that nothing else passes for it
	seeds       int    // in how many trials it must be found once; 0 is 1
}

// Those come first that take long to find.
var mutants = []mutant{
	{name: "unguarded", scenario: "race/runs", pattern: `^I1`, description: "a run reads what is due without locking it, and the schema refuses nothing"},
	{name: "change-without-lock", scenario: "race/cancel", pattern: `^I[34]`, description: "a viewer's change is written over what was recorded since the subscription was read"},
	{name: "new-key-on-retry", scenario: "payment system/mixed faults", pattern: `^I2`, description: "a lost answer is followed by another charge with a key of its own"},
	{name: "timeout-is-decline", scenario: "payment system/mixed faults", pattern: `^I2`, description: "a lost answer is taken for a no"},
	{name: "amount-not-compared", scenario: "payment system/wrong sums", pattern: `^another sum`, description: "what was asked for is believed to have been taken"},
	{name: "charge-in-transaction", scenario: "database/cut at commit", pattern: `^I2`, description: "money moves before the intent is committed"},
	{name: "claim-without-lock", scenario: "race/runs", pattern: `has a payment that is not settled`, description: "a run reads what is due without locking it; the schema still refuses two payments"},
	{name: "watermark-not-reset", scenario: "race/locked", pattern: `^the run passed by`, description: "a run never looks again at what was locked when it passed"},
	{name: "settle-without-rereading", scenario: "held/after the charge", pattern: `^I10`, description: "an outcome is recorded over what another process has settled"},
	{name: "written-over", scenario: "race/while charged", pattern: `^I10`, description: "the outcome of a renewal is written over what the viewer did since it was claimed"},
	{name: "removal-does-not-wait", scenario: "race/remove card", pattern: `^the removal`, description: "the removal of a card does not wait for charges that may still be sent"},
	{name: "resend-without-grant", scenario: "held/two sweeps", pattern: `^I2`, description: "a sweep decides about a charge that another is sending"},
	{name: "no-send-window", scenario: "held/before the charge", pattern: `^I2`, description: "a sweep gives up for a process that may still send"},
	{name: "price-from-cache", scenario: "race/price", pattern: `^the price`, description: "the price is read once, outside of the transaction"},
	{name: "renewal-at-todays-price", scenario: "race/price", pattern: `^price`, description: "a renewal takes the plan's price, not the viewer's"},
	{name: "cancelled-is-renewed", scenario: "race/cancel", pattern: `^cancel:`, description: "a run overlooks that the viewer has cancelled"},
	{name: "key-not-claimed", scenario: "parallel/one key", pattern: `^asked again|^request`, description: "the Idempotency-Key is not noted with the work"},
	{name: "no-unique-rule", scenario: "parallel/many keys", pattern: `^I6`, seeds: 5, description: "the schema allows two live subscriptions to a plan"},
	{name: "history-forgotten", scenario: "parallel/many keys", pattern: `^I10`, description: "what happens is not written into the history"},
	{name: "anchor-drifts", scenario: "race/clocks", pattern: `^I9`, description: "months are counted from the last one"},
}

// by is the first violation that gives a planted bug away.
func (r *result) foundBy() (string, bool) {
	for _, m := range mutants {
		if m.name != r.Mutant {
			continue
		}
		given := regexp.MustCompile(m.pattern)
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
