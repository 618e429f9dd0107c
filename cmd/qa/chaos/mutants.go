package main

import "regexp"

// mutant is a bug that is planted on purpose. Its scenario must find it, or the suite
// cannot be trusted.
type mutant struct {
	name        string // in cmd/internal/mutant, or in schemaMutants
	description string
	scenario    string
	pattern     string // matches only violations that this bug causes
	seeds       int    // maximum number of trials until one finds the bug; 0 means defaultSeeds
}

// defaultSeeds is more than one, because a slow machine can miss the moment of a race.
const defaultSeeds = 3

// mutants lists the bugs that take longest to find first.
var mutants = []mutant{
	{name: "cursor-by-id", scenario: "feed", pattern: `^feed: the event .* was received 0 times`, description: "the feed is ordered by the ids of events, without waiting for running transactions"},
	{name: "old-timestamp-signed", scenario: "endpoint/faults", pattern: `^I17: a webhook was signed`, description: "a retry of a webhook is signed with the time of the first try"},
	{name: "redirect-followed", scenario: "endpoint/faults", pattern: `^I18: a redirect`, description: "a redirect of an endpoint is followed, and the address that it leads to is not checked"},
	{name: "two-pushers-no-lease", scenario: "endpoint/two pushers", pattern: `^I17: the event .* although nothing failed`, description: "two processes deliver to one endpoint at the same time"},
	{name: "address-checked-early", scenario: "endpoint/rebinding", pattern: `^I18: a webhook went`, description: "the address of an endpoint is checked before the connection resolves the name again"},
	{name: "unguarded", scenario: "race/runs", pattern: `^I1`, description: "a run reads due subscriptions without locking them, and the schema allows several payments for a period"},
	{name: "change-without-lock", scenario: "race/cancel", pattern: `^I[34]`, description: "a viewer's change overwrites everything recorded since the subscription was read"},
	{name: "new-key-on-retry", scenario: "payment system/mixed faults", pattern: `^I2`, description: "a charge is retried with a new key when its response is lost"},
	{name: "timeout-is-decline", scenario: "payment system/mixed faults", pattern: `^I2`, description: "a lost response counts as a decline"},
	{name: "amount-not-compared", scenario: "payment system/wrong sums", pattern: `^wrong amount`, description: "the amount taken is not compared with the amount requested"},
	{name: "charge-in-transaction", scenario: "database/cut at commit", pattern: `^I2`, description: "the charge is sent before the intent is committed"},
	{name: "claim-without-lock", scenario: "race/runs", pattern: `has a payment that is not settled`, description: "a run reads due subscriptions without locking them; the schema still refuses a second payment"},
	{name: "watermark-not-reset", scenario: "race/locked", pattern: `^the run skipped`, description: "a run never returns to subscriptions that were locked when it passed them"},
	{name: "settle-without-rereading", scenario: "held/after the charge", pattern: `^I10`, description: "an outcome overwrites a payment that another process has settled"},
	{name: "written-over", scenario: "race/while charged", pattern: `^I10`, description: "the outcome of a renewal overwrites the viewer's changes since the claim"},
	{name: "removal-does-not-wait", scenario: "race/remove card", pattern: `^the removal`, description: "the removal of a card or a token does not wait for charges that may still be sent"},
	{name: "confirmation-ignored", scenario: "confirm/remove card", pattern: `^charged after`, description: "the removal of a card does not wait for a payment that the viewer can still confirm"},
	{name: "resend-without-grant", scenario: "held/two sweeps", pattern: `^I2`, description: "a sweep sends a charge without the send lease, while another process may send it"},
	{name: "earlier-absence", scenario: "held/earlier absence", pattern: `^I2`, description: "a sweep believes that a charge was never sent, although another process was allowed to send it since"},
	{name: "failed-lookup-is-absence", scenario: "payment system/brownout", pattern: `^I2`, description: "a lookup without a response counts as one that found nothing"},
	{name: "lag-believed", scenario: "payment system/lookups lag", pattern: `^I2`, description: "a lookup that finds nothing is believed although the payment system's lookups lag"},
	{name: "new-key-after-horizon", scenario: "payment system/forgets keys", pattern: `^I1`, description: "a payment is sent again after the payment system may have forgotten its key, so the key is new there"},
	{name: "notification-believed", scenario: "payment system/pages", pattern: `^I2`, description: "a notification settles a payment without a lookup"},
	{name: "refund-new-key", scenario: "refund/faults", pattern: `^I5: the payment system refunded`, description: "a refund is sent again with a new key when its response is lost"},
	{name: "refund-not-reserved", scenario: "refund/two at once", pattern: `^refunded too much`, description: "the amount of a refund is not reserved in its payment"},
	{name: "refund-before-intent", scenario: "refund/late charge", pattern: `^I5: the payment system refunded`, description: "the payment system is asked for a refund before it is stored, with a key that is not stored"},
	{name: "receipt-dropped-on-retry", scenario: "receipts/faults", pattern: `^I19: refund .* was sent with the receipt NULL`, description: "a charge or a refund is sent again without its receipt"},
	{name: "limit-not-checked", scenario: "instruct/panel", pattern: `^limit: `, description: "the limit of an operator is checked without the earlier refunds of the day"},
	{name: "instruction-twice", scenario: "instruct/while renewing", pattern: `^I20: instruction .* is refused, but caused`, description: "the outcome of an instruction is not stored with its change, so it is executed again"},
	{name: "grant-overwrites", scenario: "instruct/while renewing", pattern: `^I3: payment`, description: "a grant begins now instead of at the end of the paid time, and replaces it"},
	{name: "unknown-is-given-up", scenario: "payment system/no outcome", pattern: `^I2`, description: "a payment is abandoned after two lookups without a response"},
	{name: "lookups-stop-charges", scenario: "payment system/lookups fail", pattern: `^the run renewed`, description: "failed lookups stop a run from charging"},
	{name: "refusal-is-outage", scenario: "database/refuses a row", pattern: `^refused row`, description: "an error of one item counts as an outage of the database, so its whole batch waits"},
	{name: "no-send-window", scenario: "held/before the charge", pattern: `^I2`, description: "a payment has no send window, so a sweep abandons it while its process may still send"},
	{name: "price-from-cache", scenario: "race/price", pattern: `^the price`, description: "the price is read once, outside the transaction"},
	{name: "renewal-at-todays-price", scenario: "race/price", pattern: `^price`, description: "a renewal charges the plan's current price instead of the agreed one"},
	{name: "price-without-agreement", scenario: "race/price", pattern: `^I12`, description: "a change of a plan's price changes the stored price of its subscriptions, and removes its signature"},
	{name: "cancelled-is-renewed", scenario: "race/cancel", pattern: `^cancel:`, description: "a run renews cancelled subscriptions"},
	{name: "ending-plan-renewed", scenario: "kill/plan end/plan.changed", pattern: `^I21: payment`, description: "a run renews subscriptions whose plan is being ended"},
	{name: "notice-not-checked", scenario: "reminder/runs at once", pattern: `^I16`, description: "a run charges renewals whose notice is missing or not old enough"},
	{name: "cancel-does-not-wait", scenario: "held/claimed", pattern: `^the cancel`, description: "a cancel does not wait for a renewal that may still be sent"},
	{name: "page-paid-twice", scenario: "race/pay and page", pattern: `^I1: subscription`, description: "a page counts as cancelled without a lookup, although the viewer may have paid on it"},
	{name: "hard-decline-ends", scenario: "past due/on hold", pattern: `^access: in the middle`, description: "a renewal declined for an expired card ends the subscription at once"},
	{name: "pay-shortens-grace", scenario: "past due/on hold", pattern: `^access: after a declined`, description: "a viewer's own declined payment counts as a declined renewal, so it can end the subscription"},
	{name: "unknown-token-is-decline", scenario: "payment system/wrong account", pattern: `^wrong account`, description: "a token that the payment system does not know counts as an expired card"},
	{name: "consent-not-verified", scenario: "forged/terms", pattern: `^forged: the ledger`, description: "a run does not verify that the viewer agreed to the price"},
	{name: "key-not-claimed", scenario: "parallel/one key", pattern: `^the retry|^request`, description: "the Idempotency-Key is not stored in the request's transaction"},
	{name: "no-unique-rule", scenario: "parallel/many keys", pattern: `^I6`, seeds: 5, description: "the schema allows two live subscriptions to a plan"},
	{name: "group-not-checked", scenario: "parallel/plans of a group", pattern: `^I13`, description: "an order does not look for other plans of the group, and the schema allows them"},
	{name: "history-forgotten", scenario: "parallel/many keys", pattern: `^I10`, description: "events are not written to the history"},
	{name: "anchor-drifts", scenario: "race/clocks", pattern: `^I9`, description: "months are counted from the last period instead of the anchor"},
}

// foundBy returns the first violation that matches the pattern of the trial's planted bug.
func (r *result) foundBy() (string, bool) {
	for _, m := range mutants {
		if m.name != r.Mutant {
			continue
		}
		pattern := regexp.MustCompile(m.pattern)
		for _, v := range r.Violations {
			if pattern.MatchString(v) {
				return v, true
			}
		}
	}
	return "", false
}

// schemaMutants are the statements that plant a bug in the database.
var schemaMutants = map[string][]string{
	"unguarded":         {`DROP INDEX payments_one_open, payments_paid_once`},
	"group-not-checked": {`DROP INDEX subscriptions_one_per_group`},
	"refund-not-reserved": {
		`CREATE FUNCTION reserve_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.refunded := 0; RETURN NEW; END $$`,
		`CREATE TRIGGER reserve_nothing BEFORE UPDATE OF refunded ON payments FOR EACH ROW EXECUTE FUNCTION reserve_nothing()`,
	},
	"no-unique-rule": {`DROP INDEX subscriptions_one_live, subscriptions_one_per_group`},
	"price-without-agreement": {
		`CREATE FUNCTION raise_price() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			UPDATE subscriptions SET price_amount = NEW.price_amount, consent_mac = NULL WHERE plan_id = NEW.id AND ended_at IS NULL;
			RETURN NULL;
		END $$`,
		`CREATE TRIGGER raise_price AFTER UPDATE OF price_amount ON plans FOR EACH ROW EXECUTE FUNCTION raise_price()`,
	},
}
