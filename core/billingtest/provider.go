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

// Fault is a fault of the payment system or of the connection to it.
type Fault string

const (
	NoFault           Fault = "no fault"
	Decline           Fault = "decline"
	WrongAmount       Fault = "wrong amount"
	NeedsConfirmation Fault = "needs confirmation"
	RequestLost       Fault = "request lost"
	ResponseLost      Fault = "response lost"
	HangsBeforeCharge Fault = "hangs before the charge"
	HangsAfterCharge  Fault = "hangs after the charge"
	ConnectionRefused Fault = "connection refused"
	BadCredentials    Fault = "bad credentials"
	UnknownToken      Fault = "unknown token"
	RequestRefused    Fault = "request refused"
	CardNotSaved      Fault = "card not saved"
)

// ErrLost leaves the outcome of a call unknown.
var ErrLost = errors.New("connection reset by peer")

// FakeProvider is a payment system with a ledger, and honours idempotency keys. It
// fails the test if it is called inside a transaction, or for a payment that is not
// stored.
type FakeProvider struct {
	Code     string
	OnCharge func()   // runs between the charge and the response
	OnFind   func()   // runs during a lookup
	OnCancel func()   // runs before a cancel takes effect
	Cards    []string // number and CVV of each card received
	// KeyLimits hold to the moment, on the wall clock: a lookup finds a charge after the
	// settling time, and a key is new again after the horizon.
	KeyLimits billing.KeyLimits
	// Receipts are the terms of the receipts that it needs; nil if it needs none.
	Receipts *billing.ReceiptTerms
	// ReceiptStatus is what lookups say about receipts; empty if they say nothing.
	ReceiptStatus billing.ReceiptStatus

	t     *testing.T
	store *memory.Store
	now   func() time.Time

	mu       sync.Mutex
	fault    Fault
	requests []ports.ChargeRequest
	charges  map[billing.PaymentID]charge
	ledger   []ports.LedgerEntry

	cancelFault Fault
	cancels     []billing.PaymentID

	refundFault    Fault
	refunds        map[billing.RefundID]refund
	refundRequests []ports.RefundRequest

	saveRequests []ports.SaveRequest
	saves        map[billing.PaymentMethodID]savedMethod
	gone         map[string]int // forgotten tokens, and how often
}

// charge is stored under its idempotency key.
type charge struct {
	request ports.ChargeRequest
	outcome billing.Outcome
	at      time.Time // on the wall clock
}

func newFakeProvider(w World, code string) *FakeProvider {
	return &FakeProvider{
		Code: code, t: w.T, store: w.Store, now: w.Clock.Now,
		fault: NoFault, charges: make(map[billing.PaymentID]charge),
		cancelFault: NoFault, refundFault: NoFault, refunds: make(map[billing.RefundID]refund),
		saves: make(map[billing.PaymentMethodID]savedMethod), gone: make(map[string]int),
	}
}

// SetFault applies a fault to all charges from now on.
func (p *FakeProvider) SetFault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Capabilities implements [ports.Provider].
func (p *FakeProvider) Capabilities() ports.Capabilities {
	return ports.Capabilities{KeyLimits: p.KeyLimits, Accepts: []ports.Means{ports.ByToken, ports.ByPage, ports.ByCard}, Receipts: p.Receipts}
}

// forgotten reports whether the key of c is over.
func (p *FakeProvider) forgotten(c charge) bool {
	return p.KeyLimits.Horizon > 0 && time.Since(c.at) >= p.KeyLimits.Horizon
}

// Charge implements [ports.Provider].
func (p *FakeProvider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if !p.outsideTransaction() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	p.checkIntent(ctx, r)
	f, o, err := p.charge(r)
	if err != nil {
		return billing.Outcome{}, err
	}
	if p.OnCharge != nil {
		p.OnCharge()
	}
	switch f {
	case HangsBeforeCharge, HangsAfterCharge:
		<-ctx.Done()
		return billing.Outcome{}, ctx.Err()
	case RequestLost, ResponseLost:
		return billing.Outcome{}, ErrLost
	default:
		return o, nil
	}
}

// charge takes the money once per key, unless the fault prevents it.
func (p *FakeProvider) charge(r ports.ChargeRequest) (Fault, billing.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
	if err := r.CheckCard(); err != nil {
		p.t.Errorf("the payment system received an invalid card charge: %v", err)
		return p.fault, billing.Outcome{}, err
	}
	if r.Card != nil {
		p.Cards = append(p.Cards, r.Card.Number.Reveal()+" "+r.Card.CVV.Reveal())
	}
	if err := p.fault.err(); err != nil {
		return p.fault, billing.Outcome{}, err
	}
	if p.Receipts != nil && r.Receipt == nil {
		p.t.Errorf("the payment system received payment %s without a receipt", r.Key)
		return p.fault, billing.Outcome{}, ports.ErrRefused
	}
	if p.fault == HangsBeforeCharge || p.fault == RequestLost {
		return p.fault, billing.Outcome{}, nil
	}
	if old, ok := p.charges[r.Key]; ok && !p.forgotten(old) {
		if !SameCharge(old.request, r) {
			return p.fault, billing.Outcome{}, ports.ErrKeyConflict
		}
		return p.fault, old.outcome, nil
	}
	if p.gone[r.Token.Reveal()] > 0 {
		return p.fault, billing.Outcome{}, ports.ErrTokenUnknown
	}
	o := p.decide(r)
	if o.Status == billing.PaymentSucceeded {
		p.ledger = append(p.ledger, ports.LedgerEntry{Key: r.Key, Amount: o.Amount, At: p.now()})
	}
	p.charges[r.Key] = charge{r, o, time.Now()}
	return p.fault, o, nil
}

// err returns the error with which the payment system rejects a request, or nil.
func (f Fault) err() error {
	return map[Fault]error{
		ConnectionRefused: ports.ErrNotSent, BadCredentials: ports.ErrCredentials,
		UnknownToken: ports.ErrTokenUnknown, RequestRefused: ports.ErrRefused,
	}[f]
}

// PageTTL is the time for which a page of a [FakeProvider] says that it is open.
const PageTTL = time.Hour

// decide returns the outcome of a new charge. A card that is saved gets a token.
func (p *FakeProvider) decide(r ports.ChargeRequest) billing.Outcome {
	o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref-" + string(r.Key)}
	if onPage(r) {
		return billing.Outcome{
			Status: billing.PaymentPending, ActionURL: "https://bank.example/pay", ActionExpiresAt: time.Now().Add(PageTTL),
		}
	}
	switch p.fault {
	case Decline:
		o = billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.InsufficientFunds}
	case NeedsConfirmation:
		o = billing.Outcome{Status: billing.PaymentPending, ActionURL: "https://bank.example/3ds"}
	case WrongAmount:
		o.Amount.Amount++
	}
	if r.Card != nil && o.Status == billing.PaymentSucceeded && p.fault != CardNotSaved {
		o.Token = billing.NewSecret("tok_for_" + string(r.Key))
	}
	return o
}

// onPage reports whether the viewer pays on the payment system's page.
func onPage(r ports.ChargeRequest) bool { return r.Card == nil && r.Token.IsZero() }

// SameCharge reports whether two requests agree on all but the key and the card.
func SameCharge(a, b ports.ChargeRequest) bool {
	return a.Token.Equal(b.Token) && a.Amount == b.Amount && a.Initiator == b.Initiator && sameReceipt(a.Receipt, b.Receipt)
}

func sameReceipt(a, b *billing.Receipt) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Item == b.Item && a.VAT == b.VAT && a.Terms == b.Terms && a.Contact.Equal(b.Contact.Secret)
}

// ConfirmAll confirms all charges that wait for their viewers.
func (p *FakeProvider) ConfirmAll() {
	p.reply(func(c charge) billing.Outcome {
		p.ledger = append(p.ledger, ports.LedgerEntry{Key: c.request.Key, Amount: c.request.Amount, At: p.now()})
		o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: c.request.Amount}
		if onPage(c.request) && p.fault != CardNotSaved {
			o.Token = billing.NewSecret("tok_for_" + string(c.request.Key))
		}
		return o
	})
}

// DeclineAll declines all charges that wait for their viewers.
func (p *FakeProvider) DeclineAll() {
	p.reply(func(charge) billing.Outcome {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.AuthenticationFailed}
	})
}

// reply sets the outcome of all charges that wait for their viewers.
func (p *FakeProvider) reply(outcome func(charge) billing.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, c := range p.charges {
		if c.outcome.Status == billing.PaymentPending {
			c.outcome = outcome(c)
			p.charges[key] = c
		}
	}
}

// Find implements [ports.Provider].
func (p *FakeProvider) Find(_ context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	p.outsideTransaction()
	p.mu.Lock()
	c, ok := p.charges[q.Key]
	p.mu.Unlock()
	if p.OnFind != nil {
		p.OnFind()
	}
	if !ok || p.forgotten(c) || time.Since(c.at) < p.KeyLimits.Settling {
		return billing.Outcome{}, ports.ErrChargeNotFound
	}
	o := c.outcome
	if c.request.Receipt != nil {
		o.Receipt = p.ReceiptStatus
	}
	return o, nil
}

// Charges implements [ports.Ledger].
func (p *FakeProvider) Charges(_ context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	for _, e := range p.Entries() {
		if e.At.Before(from) || (!to.IsZero() && !e.At.Before(to)) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// Entries returns the ledger.
func (p *FakeProvider) Entries() []ports.LedgerEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ports.LedgerEntry(nil), p.ledger...)
}

// Requests returns all charge requests received, rejected ones included.
func (p *FakeProvider) Requests() []ports.ChargeRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ports.ChargeRequest(nil), p.requests...)
}

// outsideTransaction fails the test if a transaction is open.
func (p *FakeProvider) outsideTransaction() bool {
	inside := p.store.InTransaction()
	if inside {
		p.t.Error("the payment system is called inside a transaction")
	}
	return !inside
}

// checkIntent fails the test unless the payment of this charge is committed, and the
// viewer's agreement to it.
func (p *FakeProvider) checkIntent(ctx context.Context, r ports.ChargeRequest) {
	ctx = context.WithoutCancel(ctx)
	var stored billing.Payment
	err := p.store.Paid(ctx, p.Code, "", func(pay ports.PaidPayment) error {
		if pay.ID == r.Key && pay.Amount == r.Amount && pay.Initiator == r.Initiator {
			stored = pay.Payment
		}
		return nil
	})
	if err != nil || stored.ID == "" {
		p.t.Errorf("the payment system received payment %s of %s, which is not stored (%v)", r.Key, r.Amount, err)
		return
	}
	if agreed := p.agreedTo(ctx, stored); agreed != stored.Amount {
		p.t.Errorf("the payment system received payment %s of %s, but the viewer agreed to %s", r.Key, r.Amount, agreed)
	}
}

// agreedTo returns the amount that the viewer had agreed to when the payment was made. It
// is zero without an agreement.
func (p *FakeProvider) agreedTo(ctx context.Context, pay billing.Payment) billing.Money {
	events, err := p.store.Views().Events(ctx, pay.UserID, ports.Page{Limit: 1000})
	if err != nil {
		p.t.Error(err)
	}
	for _, e := range events { // newest first
		switch own := pay.Initiator == billing.CustomerInitiated; {
		case e.Type != billing.EventAgreed || e.SubscriptionID != pay.SubscriptionID || e.At.After(pay.CreatedAt):
		case !own:
			return e.Agreement.Price
		case e.At.Equal(pay.CreatedAt):
			return e.Agreement.DueNow
		}
	}
	return billing.Money{}
}
