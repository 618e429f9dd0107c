package operators

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// MakeGood gives time to every viewer of a plan that could watch within a period, for
// example during an outage. It works in small transactions, in the order of the users. A
// source gives a viewer time once, so a repeated run goes on where the last one ended.
type MakeGood struct {
	Support
	// RenewalGrace is how long access goes on while a renewal has not been tried.
	RenewalGrace time.Duration
}

// MakeGoodRequest says who gets time, and why.
type MakeGoodRequest struct {
	Plan   string         // its code or id
	Within billing.Period // must have passed
	Days   int            // 0 for one period of each subscription
	Source string
	Reason string
}

// MakeGoodTally counts the viewers of a run or of a preview. No viewer is counted twice.
type MakeGoodTally struct {
	Given    int // got the time now, or would get it
	Charging int // a payment is pending, so the time cannot be given at this moment
	Already  int // got time from the source before
	Over     int // the subscription is over, but not stored as ended yet
	Failed   int // the time could not be stored
	// Moved are the next charges of the given subscriptions, before and after. A subscription
	// that ends with its period and one on hold have none.
	Moved NextCharges
}

// Open returns how many viewers are entitled to the time and have not got it before.
func (t MakeGoodTally) Open() int { return t.Given + t.Charging }

// NextCharges is the first and the last of several next charges, before and after they moved.
// It is zero if none moved.
type NextCharges struct {
	Count         int
	Before, After billing.Period
}

func (c NextCharges) add(before, after billing.Subscription) NextCharges {
	if after.NextCharge().IsZero() {
		return c
	}
	c.Count++
	c.Before, c.After = extended(c.Before, before.NextChargeAt), extended(c.After, after.NextChargeAt)
	return c
}

// extended returns the shortest period that contains p and t.
func extended(p billing.Period, t time.Time) billing.Period {
	if p.Start.IsZero() || t.Before(p.Start) {
		p.Start = t
	}
	if t.After(p.End) {
		p.End = t
	}
	return p
}

// CountDiffersError says that the number of viewers is not the confirmed one. Nothing was
// changed.
type CountDiffersError struct{ Confirmed, Open int }

// Error implements error.
func (e *CountDiffersError) Error() string {
	return fmt.Sprintf("the number of viewers is %d, not %d; nothing was changed", e.Open, e.Confirmed)
}

// Preview counts the viewers without giving anything. Errors:
//
//	billing.ErrInvalid       a field of the request is not valid
//	billing.ErrPlanNotFound  there is no such plan
func (m MakeGood) Preview(ctx context.Context, r MakeGoodRequest) (MakeGoodTally, error) {
	return m.run(ctx, r, func(batch []ports.GrantCandidate, t MakeGoodTally) (MakeGoodTally, error) {
		given, t, err := m.giveEach(candidates(batch), r, m.Clock.Now(), t)
		t.Given += len(given)
		return t, err
	})
}

// Give gives the time, if that many viewers are open: see [MakeGoodTally.Open]. Viewers whose
// payment is pending are skipped and counted; a later run gives them the time. The audit log
// has one entry, which is stored before the first grant. Each grant has its event and is
// stored with the operator and the reason. After an error the tally says what was given. The
// errors are those of Preview, and a [CountDiffersError].
func (m MakeGood) Give(ctx context.Context, r MakeGoodRequest, confirmed int) (MakeGoodTally, error) {
	preview, err := m.Preview(ctx, r)
	switch {
	case err != nil:
		return MakeGoodTally{}, err
	case preview.Open() != confirmed:
		return MakeGoodTally{}, &CountDiffersError{confirmed, preview.Open()}
	}
	if err := m.auditRun(ctx, r, preview); err != nil {
		return MakeGoodTally{}, fmt.Errorf("%s: %w", SubscriptionsGiven, err)
	}
	var failed error // of one viewer
	tally, err := m.run(ctx, r, func(batch []ports.GrantCandidate, t MakeGoodTally) (MakeGoodTally, error) {
		t, one, err := m.give(ctx, batch, r, t)
		failed = cmp.Or(failed, one)
		return t, err
	})
	return tally, cmp.Or(err, failed)
}

// check returns an [billing.InvalidError] with a fault for each field that is not valid.
func (m MakeGood) check(r MakeGoodRequest) error {
	if err := m.grant(r).Check(); err != nil {
		return err
	}
	if !r.Within.Start.Before(r.Within.End) || r.Within.End.After(m.Clock.Now()) {
		return invalid("entitled_between", "must be a time and a later one, both in the past")
	}
	return nil
}

// grant returns the request for one grant, with a new id.
func (m MakeGood) grant(r MakeGoodRequest) billing.GrantRequest {
	return billing.GrantRequest{ID: billing.GrantID(m.NewID()), Days: r.Days, Source: r.Source, By: m.By.Name, Reason: r.Reason}
}

// rowsPerTx bounds the rows that one transaction locks and writes.
const rowsPerTx = 250

// run calls each for all entitled subscriptions that have no grant from the source, in
// batches. It counts the others itself.
func (m MakeGood) run(
	ctx context.Context, r MakeGoodRequest, each func([]ports.GrantCandidate, MakeGoodTally) (MakeGoodTally, error),
) (t MakeGoodTally, err error) {
	if err := m.check(r); err != nil {
		return t, err
	}
	plan, err := ports.InTx(ctx, m.Store, func(tx ports.Repos) (billing.Plan, error) { return tx.Plans.Lock(ctx, r.Plan) })
	if err != nil {
		return t, err
	}
	q := ports.GrantQuery{Plan: plan.ID, Source: strings.TrimSpace(r.Source), Within: r.Within, Limit: rowsPerTx}
	for {
		page, err := m.Store.Views().GrantCandidates(ctx, q)
		if err != nil {
			return t, err
		}
		batch := slices.DeleteFunc(slices.Clone(page), func(c ports.GrantCandidate) bool {
			entitled := c.Earlier || c.AccessWithin(r.Within, m.RenewalGrace)
			if entitled && c.Given {
				t.Already++
			}
			return !entitled || c.Given
		})
		if t, err = each(batch, t); err != nil || len(page) < q.Limit {
			return t, err
		}
		q.After = page[len(page)-1].UserID
	}
}

func candidates(batch []ports.GrantCandidate) []billing.Subscription {
	subs := make([]billing.Subscription, len(batch))
	for i, c := range batch {
		subs[i] = c.Subscription
	}
	return subs
}

// give gives the time to a batch in one transaction. If that fails because of one viewer,
// each gets the time in a transaction of its own. give counts the viewers that fail again,
// and returns the error of one. It gives up if all fail.
func (m MakeGood) give(ctx context.Context, batch []ports.GrantCandidate, r MakeGoodRequest, t MakeGoodTally) (_ MakeGoodTally, failed, err error) {
	if len(batch) == 0 {
		return t, nil, nil
	}
	after, err := m.giveTogether(ctx, batch, r, t)
	if err == nil || !ports.ItemFault(err) {
		return after, nil, err
	}
	before := t.Failed
	for i, c := range batch {
		after, err := m.giveTogether(ctx, batch[i:i+1], r, t)
		switch {
		case err == nil:
			t = after
		case ports.ItemFault(err):
			t.Failed++
			failed = cmp.Or(failed, fmt.Errorf("give time to user %s: %w", c.UserID, err))
		default:
			return t, failed, err
		}
	}
	if t.Failed-before == len(batch) {
		return t, failed, failed
	}
	return t, failed, nil
}

// giveTogether gives the time to a batch in one transaction. After an error it returns t.
func (m MakeGood) giveTogether(ctx context.Context, batch []ports.GrantCandidate, r MakeGoodRequest, t MakeGoodTally) (MakeGoodTally, error) {
	after, err := ports.InTx(ctx, m.Store, func(tx ports.Repos) (MakeGoodTally, error) { return m.giveLocked(ctx, tx, batch, r, t) })
	if err != nil {
		return t, err
	}
	return after, nil
}

// giveLocked decides again on the locked subscriptions, and stores the grants with their
// events.
func (m MakeGood) giveLocked(ctx context.Context, tx ports.Repos, batch []ports.GrantCandidate, r MakeGoodRequest, t MakeGoodTally) (MakeGoodTally, error) {
	keys, users := make([]ports.SubscriptionKey, len(batch)), make([]billing.UserID, len(batch))
	for i, c := range batch {
		keys[i], users[i] = ports.SubscriptionKey{User: c.UserID, ID: c.ID}, c.UserID
	}
	subs, err := tx.Subscriptions.Lock(ctx, keys...)
	if err != nil {
		return t, err
	}
	already, err := tx.Grants.GivenTo(ctx, strings.TrimSpace(r.Source), users...)
	if err != nil {
		return t, err
	}
	had := make(map[billing.UserID]bool, len(already))
	for _, u := range already {
		had[u] = true
	}
	t.Already += len(had)
	subs = slices.DeleteFunc(subs, func(s billing.Subscription) bool { return had[s.UserID] })
	given, t, err := m.giveEach(subs, r, m.Clock.Now(), t)
	if err != nil {
		return t, err
	}
	stored, events := make([]ports.Given, len(given)), make([]billing.Event, 0, len(given))
	for i, g := range given {
		stored[i], events = g.Given, append(events, g.events...)
	}
	ports.Identify(events, m.NewID)
	t.Given += len(given)
	if err := tx.Grants.Give(ctx, stored...); err != nil {
		return t, err
	}
	return t, tx.Events.Append(ctx, events...)
}

// gift is a grant that is not stored yet.
type gift struct {
	ports.Given
	events []billing.Event
}

// giveEach applies [billing.Subscription.Give] to each subscription, and counts the
// subscriptions that get nothing at this moment.
func (m MakeGood) giveEach(subs []billing.Subscription, r MakeGoodRequest, now time.Time, t MakeGoodTally) ([]gift, MakeGoodTally, error) {
	list := make([]gift, 0, len(subs))
	for _, before := range subs {
		if stands, _ := before.At(now); !stands.Live() {
			t.Over++
			continue
		}
		if before.Charging {
			t.Charging++
			continue
		}
		sub, grant, events, err := before.Give(m.grant(r), m.Calendar, now)
		if err != nil {
			return nil, t, fmt.Errorf("subscription %s: %w", before.ID, err)
		}
		t.Moved = t.Moved.add(before, sub)
		list = append(list, gift{ports.Given{Subscription: sub, Grant: grant}, events})
	}
	return list, t, nil
}

// auditRun records a run before it gives anything.
func (m MakeGood) auditRun(ctx context.Context, r MakeGoodRequest, t MakeGoodTally) error {
	facts := ports.Facts{
		"entitled_from": timeFact(r.Within.Start), "entitled_until": timeFact(r.Within.End), "source": strings.TrimSpace(r.Source),
		"reason": strings.TrimSpace(r.Reason), "viewers": strconv.Itoa(t.Open()), "charging": strconv.Itoa(t.Charging),
	}
	if r.Days > 0 {
		facts["days"] = strconv.Itoa(r.Days)
	}
	return m.Store.InTx(ctx, func(tx ports.Repos) error {
		return m.By.audit(ctx, tx, m.NewID(), m.Clock.Now(), change{SubscriptionsGiven, r.Plan, ports.Facts{}, facts})
	})
}
