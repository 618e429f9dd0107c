package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Charge takes the money that the token allows, once for each key, and commits
// it to the books before it answers. See [ports.Provider].
//
// [ports.ErrNotSent] says that this call took nothing, as a refused connection
// does. It says nothing of earlier calls with the key.
func (s *Simulator) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := s.charge(ctx, r)
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("simulator: charge %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Simulator) charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if err := r.CheckCard(); err != nil { // before anything goes out
		return billing.Outcome{}, err
	}
	b, known := behaviourOfRequest(r)
	fault := s.fault(r, b)
	switch {
	case fault == Unavailable:
		return billing.Outcome{}, ports.ErrNotSent
	case fault == Credentials:
		return billing.Outcome{}, ports.ErrCredentials
	case ctx.Err() != nil:
		return billing.Outcome{}, fmt.Errorf("%w: %w", ports.ErrNotSent, ctx.Err())
	case fault == LoseRequest:
		return billing.Outcome{}, s.silence(ctx)
	case !wellFormed(r):
		return billing.Outcome{}, ports.ErrRefused
	}
	if err := s.admit(ctx, r, b); err != nil {
		return billing.Outcome{}, err
	}
	q, err := s.book(ctx, order{r, b, known, fault})
	if err != nil {
		return billing.Outcome{}, err
	}
	switch fault {
	case LoseAnswer:
		return billing.Outcome{}, s.silence(ctx)
	case BreakAnswer:
		return billing.Outcome{}, errBroken
	case Nonsense:
		return billing.Outcome{Status: "nonsense"}, nil
	default:
		return s.answer(ctx, q, b)
	}
}

// behaviourOfRequest says what the card or the token does that is to be charged.
func behaviourOfRequest(r ports.ChargeRequest) (_ behaviour, known bool) {
	if r.Card == nil {
		return behaviourOf(r.Token.Reveal())
	}
	c := cardOf(r.Card.Number)
	c.first.line = c.name
	return c.first, true
}

// admit turns calls away when there are too many others.
func (s *Simulator) admit(ctx context.Context, r ports.ChargeRequest, b behaviour) error {
	if b.refuses == nil {
		return nil
	}
	var m memory
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		m, err = remember(ctx, tx, subjectOf(r, b))
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ports.ErrNotSent, err)
	}
	if b.refuses(m.charges) {
		return fmt.Errorf("too many requests: %w", ports.ErrNotSent)
	}
	return nil
}

// order is a charge on its way into the books.
type order struct {
	ports.ChargeRequest
	behaviour
	known bool // the token
	fault Fault
}

// book enters a charge, or returns what its key stands for already. It has been
// committed when book returns without an error.
func (s *Simulator) book(ctx context.Context, o order) (q request, err error) {
	q = newRequest(o.ChargeRequest, o.behaviour)
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		first, err := claim(ctx, tx, q, s.cfg.Clock.Now())
		switch {
		case err != nil:
			return err
		case first:
			q, err = s.enter(ctx, tx, q, o)
		default:
			q, err = s.repeat(ctx, tx, q)
		}
		return err
	})
	if errors.Is(err, errNotBegun) {
		err = fmt.Errorf("%w: %w", ports.ErrNotSent, err)
	}
	return q, err
}

// enter decides about a new charge and writes it down. An error takes the claim
// on the key back.
func (s *Simulator) enter(ctx context.Context, tx pgx.Tx, q request, o order) (request, error) {
	if !o.known {
		return q, ports.ErrTokenUnknown
	}
	m := memory{charges: 1}
	if o.counted {
		var err error
		if m, err = remember(ctx, tx, subjectOf(o.ChargeRequest, o.behaviour)); err != nil {
			return q, err
		}
	}
	now, times := s.cfg.Clock.Now(), 1
	q.status, q.decline = o.decide(m, o.Initiator)
	switch {
	case q.status == billing.PaymentPending && o.settles > 0:
		at := s.cfg.Wall().Add(o.settles).UTC()
		q.settles, q.settlesAs = &at, o.settlesAs
	case q.status == billing.PaymentPending:
		until := now.Add(s.cfg.ActionTTL)
		q.action, q.expires, q.approval = rand.Text(), &until, o.approval
	}
	switch o.fault {
	case OtherAmount:
		q.amount.Amount++
	case ChargeTwice:
		times = 2
	}
	return q, record(ctx, tx, q, now, times)
}

// repeat returns the outcome that the key has, if it was used for the same
// request.
func (s *Simulator) repeat(ctx context.Context, tx pgx.Tx, asked request) (request, error) {
	q, err := s.current(ctx, tx, byKey, asked.key)
	if err == nil && q.fingerprint != asked.fingerprint {
		err = ports.ErrKeyConflict
	}
	return q, err
}

// answer is the way back to the caller, on which a charge can be cut off that
// is in the books already.
func (s *Simulator) answer(ctx context.Context, q request, b behaviour) (billing.Outcome, error) {
	delay := s.cfg.Latency()
	if b.slow {
		delay += s.cfg.Slow
	}
	if err := s.cfg.Wait(ctx, delay); err != nil {
		return billing.Outcome{}, fmt.Errorf("no answer in time: %w", err)
	}
	return q.outcome(s.cfg.BaseURL), nil
}

var (
	errSilence = errors.New("no answer")
	errBroken  = errors.New("the answer broke off")
)

// silence is what a caller hears whose request or answer is lost.
func (s *Simulator) silence(ctx context.Context) error {
	if err := s.cfg.Wait(ctx, s.cfg.HoldLost); err != nil {
		return fmt.Errorf("%w: %w", errSilence, err)
	}
	return errSilence
}

// Find returns the outcome of the charge with this key. See [ports.Provider].
//
// A charge that is on its way into the books is waited for, so that what is not
// found will never be there unless somebody sends it again.
func (s *Simulator) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	q, err := s.find(ctx, key)
	if s.lost() {
		err = errBroken
	}
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("simulator: find %q: %w", key, err)
	}
	o, err := s.answer(ctx, q, behaviour{})
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("simulator: find %q: %w", key, err)
	}
	return o, nil
}

func (s *Simulator) find(ctx context.Context, key billing.PaymentID) (request, error) {
	if !goodKey(key) {
		return request{}, ports.ErrChargeNotFound
	}
	q, err := read(ctx, s.pool, byKey, string(key))
	if err == nil && q.status != billing.PaymentPending || err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return q, err
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		absent, err := claim(ctx, tx, newRequest(ports.ChargeRequest{Key: key}, behaviour{}), s.cfg.Clock.Now())
		if err != nil {
			return err
		}
		if absent {
			return ports.ErrChargeNotFound // which takes the claim back
		}
		q, err = s.current(ctx, tx, byKey, key)
		return err
	})
	return q, err
}

// wellFormed reports whether a request makes sense at all.
func wellFormed(r ports.ChargeRequest) bool {
	_, currency := r.Amount.Currency.Digits()
	who := r.Initiator == billing.CustomerInitiated || r.Initiator == billing.MerchantInitiated
	return goodKey(r.Key) && currency && who && r.Amount.Amount > 0
}

func goodKey(key billing.PaymentID) bool {
	strange := func(c rune) bool { return c <= ' ' || c > '~' }
	return key != "" && len(key) <= 255 && !strings.ContainsFunc(string(key), strange)
}
