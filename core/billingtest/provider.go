package billingtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// mishap is what goes wrong with a charge.
type Mishap string

const (
	Fine           Mishap = "all is well"
	Declines       Mishap = "it declines"
	OtherAmount    Mishap = "it takes another amount"
	Waits          Mishap = "it waits for the viewer's confirmation"
	LostBefore     Mishap = "the request is lost"
	LostAfter      Mishap = "the answer is lost"
	Hangs          Mishap = "it hangs before it takes the money"
	HangsAfter     Mishap = "it hangs after it took the money"
	RefusesConn    Mishap = "it refuses the connection"
	Credentials    Mishap = "it does not accept our credentials"
	UnknownToken   Mishap = "it does not know the token"
	RefusesRequest Mishap = "it calls the request wrong"
	SavesNothing   Mishap = "it takes the money and does not save the card"
)

var ErrLost = errors.New("connection reset by peer")

// psp is a payment system with a ledger. It honours idempotency keys, and it
// fails the test when it is asked in a transaction, or for a payment that is
// not stored.
type psp struct {
	t       *testing.T
	Code    string
	store   *memory.Store
	now     func() time.Time
	Taken   func() // runs between the money and the answer
	Looking func() // runs during a look-up

	Mu     sync.Mutex
	mishap Mishap
	asked  []ports.ChargeRequest
	Cards  []string // number and code of each card that it was sent
	Known  map[billing.PaymentID]known
	Ledger []ports.LedgerEntry
}

type known struct {
	Request ports.ChargeRequest
	Outcome billing.Outcome
}

func (p *psp) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if !p.outside() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	p.checkIntent(ctx, r)
	m, o, err := p.take(r)
	if err != nil {
		return billing.Outcome{}, err
	}
	if p.Taken != nil {
		p.Taken()
	}
	switch m {
	case Hangs, HangsAfter:
		<-ctx.Done()
		return billing.Outcome{}, ctx.Err()
	case LostBefore, LostAfter:
		return billing.Outcome{}, ErrLost
	default:
		return o, nil
	}
}

// take takes the money, once for each key, unless the mishap comes before.
func (p *psp) take(r ports.ChargeRequest) (Mishap, billing.Outcome, error) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	p.asked = append(p.asked, r)
	if err := r.CheckCard(); err != nil {
		p.t.Errorf("it is asked for what no payment system may be: %v", err)
		return p.mishap, billing.Outcome{}, err
	}
	if r.Card != nil {
		p.Cards = append(p.Cards, r.Card.Number.Reveal()+" "+r.Card.CVV.Reveal())
	}
	if errs := map[Mishap]error{
		RefusesConn: ports.ErrNotSent, Credentials: ports.ErrCredentials,
		UnknownToken: ports.ErrTokenUnknown, RefusesRequest: ports.ErrRefused,
	}; errs[p.mishap] != nil {
		return p.mishap, billing.Outcome{}, errs[p.mishap]
	}
	if p.mishap == Hangs || p.mishap == LostBefore {
		return p.mishap, billing.Outcome{}, nil
	}
	if old, ok := p.Known[r.Key]; ok {
		if !Same(old.Request, r) {
			return p.mishap, billing.Outcome{}, ports.ErrKeyConflict
		}
		return p.mishap, old.Outcome, nil
	}
	o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref-" + string(r.Key)}
	switch p.mishap {
	case Declines:
		o = billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.InsufficientFunds}
	case Waits:
		o = billing.Outcome{Status: billing.PaymentPending, ActionURL: "https://bank.example/3ds"}
	case OtherAmount:
		o.Amount.Amount++
	}
	if r.Card != nil && o.Status == billing.PaymentSucceeded && p.mishap != SavesNothing {
		o.Token = billing.NewSecret("tok_for_" + string(r.Key))
	}
	if o.Status == billing.PaymentSucceeded {
		p.Ledger = append(p.Ledger, ports.LedgerEntry{Key: r.Key, Amount: o.Amount, At: p.now()})
	}
	p.Known[r.Key] = known{r, o}
	return p.mishap, o, nil
}

func Same(a, b ports.ChargeRequest) bool {
	return a.Token.Equal(b.Token) && a.Amount == b.Amount && a.Initiator == b.Initiator
}

func (p *psp) Find(_ context.Context, key billing.PaymentID) (billing.Outcome, error) {
	p.outside()
	p.Mu.Lock()
	k, ok := p.Known[key]
	p.Mu.Unlock()
	if p.Looking != nil {
		p.Looking()
	}
	if !ok {
		return billing.Outcome{}, ports.ErrChargeNotFound
	}
	return k.Outcome, nil
}

// Charges implements [ports.Ledger].
func (p *psp) Charges(_ context.Context, since time.Time, each func(ports.LedgerEntry) error) error {
	for _, e := range p.Entries() {
		if e.At.Before(since) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *psp) Entries() []ports.LedgerEntry {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return append([]ports.LedgerEntry(nil), p.Ledger...)
}

func (p *psp) Requests() []ports.ChargeRequest {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return append([]ports.ChargeRequest(nil), p.asked...)
}

func (p *psp) Suffers(m Mishap) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
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
func (p *psp) checkIntent(ctx context.Context, r ports.ChargeRequest) {
	stored := false
	err := p.store.Paid(context.WithoutCancel(ctx), p.Code, time.Time{}, func(pay billing.Payment) error {
		stored = stored || (pay.ID == r.Key && pay.Amount == r.Amount && pay.Initiator == r.Initiator)
		return nil
	})
	if err != nil || !stored {
		p.t.Errorf("the payment system is asked for payment %s of %s, which is not stored (%v)", r.Key, r.Amount, err)
	}
}
