package app_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// mishap is what goes wrong with a charge.
type mishap string

const (
	fine           mishap = "all is well"
	declines       mishap = "it declines"
	otherAmount    mishap = "it takes another amount"
	waits          mishap = "it waits for the viewer's confirmation"
	lostBefore     mishap = "the request is lost"
	lostAfter      mishap = "the answer is lost"
	hangs          mishap = "it hangs before it takes the money"
	hangsAfter     mishap = "it hangs after it took the money"
	refusesConn    mishap = "it refuses the connection"
	credentials    mishap = "it does not accept our credentials"
	unknownToken   mishap = "it does not know the token"
	refusesRequest mishap = "it calls the request wrong"
	savesNothing   mishap = "it takes the money and does not save the card"
)

var errLost = errors.New("connection reset by peer")

// psp is a payment system with a ledger. It honours idempotency keys, and it
// fails the test when it is asked in a transaction, or for a payment that is
// not stored.
type psp struct {
	t       *testing.T
	code    string
	store   *memory.Store
	now     func() time.Time
	taken   func() // runs between the money and the answer
	looking func() // runs during a look-up

	mu     sync.Mutex
	mishap mishap
	asked  []app.ChargeRequest
	cards  []string // number and code of each card that it was sent
	known  map[billing.PaymentID]known
	ledger []app.LedgerEntry
}

type known struct {
	request app.ChargeRequest
	outcome billing.Outcome
}

func (p *psp) Charge(ctx context.Context, r app.ChargeRequest) (billing.Outcome, error) {
	if !p.outside() {
		return billing.Outcome{}, app.ErrNotSent
	}
	p.checkIntent(ctx, r)
	m, o, err := p.take(r)
	if err != nil {
		return billing.Outcome{}, err
	}
	if p.taken != nil {
		p.taken()
	}
	switch m {
	case hangs, hangsAfter:
		<-ctx.Done()
		return billing.Outcome{}, ctx.Err()
	case lostBefore, lostAfter:
		return billing.Outcome{}, errLost
	default:
		return o, nil
	}
}

// take takes the money, once for each key, unless the mishap comes before.
func (p *psp) take(r app.ChargeRequest) (mishap, billing.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r)
	if err := r.CheckCard(); err != nil {
		p.t.Errorf("it is asked for what no payment system may be: %v", err)
		return p.mishap, billing.Outcome{}, err
	}
	if r.Card != nil {
		p.cards = append(p.cards, r.Card.Number.Reveal()+" "+r.Card.CVV.Reveal())
	}
	if errs := map[mishap]error{
		refusesConn: app.ErrNotSent, credentials: app.ErrCredentials,
		unknownToken: app.ErrTokenUnknown, refusesRequest: app.ErrRefused,
	}; errs[p.mishap] != nil {
		return p.mishap, billing.Outcome{}, errs[p.mishap]
	}
	if p.mishap == hangs || p.mishap == lostBefore {
		return p.mishap, billing.Outcome{}, nil
	}
	if old, ok := p.known[r.Key]; ok {
		if !same(old.request, r) {
			return p.mishap, billing.Outcome{}, app.ErrKeyConflict
		}
		return p.mishap, old.outcome, nil
	}
	o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref-" + string(r.Key)}
	switch p.mishap {
	case declines:
		o = billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.InsufficientFunds}
	case waits:
		o = billing.Outcome{Status: billing.PaymentPending, ActionURL: "https://bank.example/3ds"}
	case otherAmount:
		o.Amount.Amount++
	}
	if r.Card != nil && o.Status == billing.PaymentSucceeded && p.mishap != savesNothing {
		o.Token = billing.NewSecret("tok_for_" + string(r.Key))
	}
	if o.Status == billing.PaymentSucceeded {
		p.ledger = append(p.ledger, app.LedgerEntry{Key: r.Key, Amount: o.Amount, At: p.now()})
	}
	p.known[r.Key] = known{r, o}
	return p.mishap, o, nil
}

func same(a, b app.ChargeRequest) bool {
	return a.Token.Equal(b.Token) && a.Amount == b.Amount && a.Initiator == b.Initiator
}

func (p *psp) Find(_ context.Context, key billing.PaymentID) (billing.Outcome, error) {
	p.outside()
	p.mu.Lock()
	k, ok := p.known[key]
	p.mu.Unlock()
	if p.looking != nil {
		p.looking()
	}
	if !ok {
		return billing.Outcome{}, app.ErrChargeNotFound
	}
	return k.outcome, nil
}

// Charges implements [app.Ledger].
func (p *psp) Charges(_ context.Context, since time.Time, each func(app.LedgerEntry) error) error {
	for _, e := range p.entries() {
		if e.At.Before(since) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *psp) entries() []app.LedgerEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]app.LedgerEntry(nil), p.ledger...)
}

func (p *psp) requests() []app.ChargeRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]app.ChargeRequest(nil), p.asked...)
}

func (p *psp) suffers(m mishap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mishap = m
}

func (p *psp) outside() bool {
	inside := p.store.InTransaction()
	if inside {
		p.t.Error("the payment system is asked inside a transaction")
	}
	return !inside
}

// checkIntent fails the test unless exactly this charge is stored, pending,
// where others can see it.
func (p *psp) checkIntent(ctx context.Context, r app.ChargeRequest) {
	stored := false
	err := p.store.Paid(context.WithoutCancel(ctx), p.code, time.Time{}, func(pay billing.Payment) error {
		stored = stored || (pay.ID == r.Key && pay.Amount == r.Amount && pay.Initiator == r.Initiator)
		return nil
	})
	if err != nil || !stored {
		p.t.Errorf("the payment system is asked for payment %s of %s, which is not stored (%v)", r.Key, r.Amount, err)
	}
}
