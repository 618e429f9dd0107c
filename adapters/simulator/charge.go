package simulator

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Charge takes the money once per key, if the token or card allows it. It commits the
// charge to the ledger before it responds. See [ports.Provider].
//
// [ports.ErrNotSent] means that this call took nothing, like a refused connection.
// Earlier calls with the key may have taken money.
func (s *Simulator) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := s.charge(ctx, r)
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("simulator: charge %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Simulator) charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if err := r.CheckCard(); err != nil { // before any effect
		return billing.Outcome{}, err
	}
	b, known := behaviourOfRequest(r)
	fault := s.fault(r, b)
	if fault == UnknownToken {
		return billing.Outcome{}, ports.ErrTokenUnknown
	}
	if err := s.before(ctx, fault); err != nil {
		return billing.Outcome{}, err
	}
	if s.cfg.Receipts != nil && r.Receipt == nil {
		return billing.Outcome{}, ports.ErrRefused
	}
	if !validRequest(r) || b.onPage && r.Initiator != billing.CustomerInitiated {
		return billing.Outcome{}, ports.ErrRefused
	}
	if err := s.checkRate(ctx, r, b); err != nil {
		return billing.Outcome{}, err
	}
	q, err := s.store(ctx, chargeCall{r, b, known, fault})
	if err != nil {
		return billing.Outcome{}, err
	}
	if err := s.after(ctx, fault); err != nil {
		return billing.Outcome{}, err
	}
	if fault == InvalidResponse {
		return billing.Outcome{Status: "nonsense"}, nil
	}
	return s.respond(ctx, q, b)
}

// behaviourOfRequest returns the behaviour of the card or token of a request.
func behaviourOfRequest(r ports.ChargeRequest) (_ behaviour, known bool) {
	if r.Card == nil && r.Token.IsZero() {
		return behaviour{onPage: true}, true
	}
	if r.Card == nil {
		return behaviourOf(r.Token.Reveal())
	}
	c := testCardFor(r.Card.Number)
	c.first.cardName = c.name
	return c.first, true
}

// checkRate refuses the call if the card or token simulates a rate limit.
func (s *Simulator) checkRate(ctx context.Context, r ports.ChargeRequest, b behaviour) error {
	if b.refuses == nil {
		return nil
	}
	var h tokenHistory
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		h, err = countCharge(ctx, tx, subjectOf(r, b))
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ports.ErrNotSent, err)
	}
	if b.refuses(h.charges) {
		return &ports.BusyError{}
	}
	return nil
}

// chargeCall is one call of Charge.
type chargeCall struct {
	ports.ChargeRequest
	behaviour
	known bool // whether the token is known
	fault Fault
}

// store stores and commits a new request. If the key was used already, it returns the
// stored request.
func (s *Simulator) store(ctx context.Context, c chargeCall) (q request, err error) {
	q = newRequest(c.ChargeRequest, c.behaviour, s.newReceipt(c.Receipt))
	err = s.inEffect(ctx, func(tx pgx.Tx) error {
		if err := s.forget(ctx, tx, "requests", string(q.key)); err != nil {
			return err
		}
		first, forgotten, err := claim(ctx, tx, q, s.cfg.Clock.Now())
		switch {
		case err != nil:
			return err
		case first && forgotten:
			return ports.ErrTokenUnknown // frees the key
		case first:
			q, err = s.storeNew(ctx, tx, q, c)
		default:
			q, err = s.replay(ctx, tx, q)
		}
		return err
	})
	return q, err
}

// storeNew decides on a new request and stores the outcome. After an error the caller
// rolls back, which frees the key.
func (s *Simulator) storeNew(ctx context.Context, tx pgx.Tx, q request, c chargeCall) (request, error) {
	if !c.known {
		return q, ports.ErrTokenUnknown
	}
	h := tokenHistory{charges: 1}
	if c.counted {
		var err error
		if h, err = countCharge(ctx, tx, subjectOf(c.ChargeRequest, c.behaviour)); err != nil {
			return q, err
		}
	}
	now, times := s.cfg.Clock.Now(), 1
	q = s.decide(q, c.behaviour, h, c.Initiator, now)
	switch c.fault {
	case OtherAmount:
		q.amount.Amount++
	case ChargeTwice:
		times = 2
	}
	return q, record(ctx, tx, q, now, times)
}

// decide returns the request after the payment system has decided on it.
func (s *Simulator) decide(q request, b behaviour, h tokenHistory, by billing.Initiator, now time.Time) request {
	q.status, q.decline = b.decide(h, by)
	q.refunds = b.refunds
	switch {
	case q.status == billing.PaymentPending && b.settlesAfter > 0:
		at := s.cfg.Wall().Add(b.settlesAfter).UTC()
		q.settlesAt, q.settleDecline = &at, b.settleDecline
	case q.status == billing.PaymentPending:
		until := now.Add(s.cfg.ActionTTL)
		q.expiresAt, q.approvalDecline, q.awaitsCard = &until, b.approvalDecline, b.onPage
		q.action = cmp.Or(q.action, rand.Text())
	}
	return q
}

// replay returns the stored request of the key. It returns [ports.ErrKeyConflict] if
// the key belongs to a different request.
func (s *Simulator) replay(ctx context.Context, tx pgx.Tx, repeated request) (request, error) {
	q, err := s.current(ctx, tx, byKey, repeated.key)
	if err == nil && q.fingerprint != repeated.fingerprint {
		err = ports.ErrKeyConflict
	}
	return q, err
}

// respond waits for the latency and returns the outcome. It returns an error if ctx
// ends first, although the request is stored.
func (s *Simulator) respond(ctx context.Context, q request, b behaviour) (billing.Outcome, error) {
	delay := s.cfg.Latency()
	if b.slow {
		delay += s.cfg.Slow
	}
	if err := s.awaitResponse(ctx, delay); err != nil {
		return billing.Outcome{}, err
	}
	return q.outcome(s.cfg.BaseURL, s.cfg.Wall()), nil
}

// awaitResponse waits until a response arrives. It returns an error if ctx ends first.
func (s *Simulator) awaitResponse(ctx context.Context, delay time.Duration) error {
	if err := s.cfg.Wait(ctx, delay); err != nil {
		return fmt.Errorf("no response in time: %w", err)
	}
	return nil
}

var (
	errNoResponse = errors.New("no response")
	errTruncated  = errors.New("the response was cut off")
)

// loseCall hangs for HoldLost, like a call whose request or response is lost, and
// returns [errNoResponse].
func (s *Simulator) loseCall(ctx context.Context) error {
	if err := s.cfg.Wait(ctx, s.cfg.HoldLost); err != nil {
		return fmt.Errorf("%w: %w", errNoResponse, err)
	}
	return errNoResponse
}

// Find returns the outcome of the charge with the key of the query. It ignores the rest.
// See [ports.Provider].
//
// It waits for a transaction that is storing the key. So a charge that is not found
// will not exist later, unless it is sent again.
func (s *Simulator) Find(ctx context.Context, charge ports.ChargeQuery) (billing.Outcome, error) {
	key := charge.Key
	q, err := s.find(ctx, key)
	if s.losesLookup() {
		err = errTruncated
	}
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("simulator: find %q: %w", key, err)
	}
	o, err := s.respond(ctx, q, behaviour{})
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("simulator: find %q: %w", key, err)
	}
	return o, nil
}

func (s *Simulator) find(ctx context.Context, key billing.PaymentID) (request, error) {
	if !validKey(key) {
		return request{}, ports.ErrChargeNotFound
	}
	q, err := readRequest(ctx, s.pool, byKey, string(key))
	if err == nil && (q.age < s.cfg.Lag || s.forgotten(q)) {
		return request{}, ports.ErrChargeNotFound
	}
	if err == nil && q.status != billing.PaymentPending || err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return q, err
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		absent, _, err := claim(ctx, tx, newRequest(ports.ChargeRequest{Key: key}, behaviour{}, receipt{}), s.cfg.Clock.Now())
		if err != nil {
			return err
		}
		if absent {
			return ports.ErrChargeNotFound // rolls the claim back
		}
		q, err = s.current(ctx, tx, byKey, key)
		return err
	})
	return q, err
}

// forgotten reports whether the key of q is over.
func (s *Simulator) forgotten(q request) bool { return s.cfg.Horizon > 0 && q.age >= s.cfg.Horizon }

// forget frees a key that is over in one of the simulator's tables. The old row keeps its
// place under another key.
func (s *Simulator) forget(ctx context.Context, tx pgx.Tx, table, key string) error {
	if s.cfg.Horizon == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE simulator.`+table+` SET key = key || ' ' || ref
		WHERE key = $1 AND clock_timestamp() - stored_at >= $2::interval`, key, s.cfg.Horizon)
	if err != nil {
		return fmt.Errorf("forget the key: %w", err)
	}
	return nil
}

// validRequest reports whether a request has a valid key, currency, initiator and
// amount.
func validRequest(r ports.ChargeRequest) bool {
	_, currency := r.Amount.Currency.Digits()
	initiator := r.Initiator == billing.CustomerInitiated || r.Initiator == billing.MerchantInitiated
	return validKey(r.Key) && currency && initiator && r.Amount.Amount > 0
}

func validKey(key billing.PaymentID) bool {
	invalid := func(c rune) bool { return c <= ' ' || c > '~' }
	return key != "" && len(key) <= 255 && !strings.ContainsFunc(string(key), invalid)
}
