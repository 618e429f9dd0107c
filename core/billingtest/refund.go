package billingtest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refund is stored under its idempotency key.
type refund struct {
	request ports.RefundRequest
	outcome billing.RefundOutcome
	at      time.Time // on the wall clock
}

// SetRefundFault applies a fault to all refunds from now on. [NeedsConfirmation] leaves
// them pending.
func (p *FakeProvider) SetRefundFault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refundFault = f
}

// Refund implements [ports.Refunder]. It fails the test if it is called inside a
// transaction, or for a refund that is not stored.
func (p *FakeProvider) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	if !p.outsideTransaction() {
		return billing.RefundOutcome{}, ports.ErrNotSent
	}
	p.checkRefund(ctx, r)
	f, o, err := p.refund(r)
	switch {
	case err != nil:
		return billing.RefundOutcome{}, err
	case f == HangsBeforeCharge, f == HangsAfterCharge:
		<-ctx.Done()
		return billing.RefundOutcome{}, ctx.Err()
	case f == RequestLost, f == ResponseLost:
		return billing.RefundOutcome{}, ErrLost
	default:
		return o, nil
	}
}

func (p *FakeProvider) refund(r ports.RefundRequest) (Fault, billing.RefundOutcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refundRequests = append(p.refundRequests, r)
	f := p.refundFault
	if err := f.err(); err != nil {
		return f, billing.RefundOutcome{}, err
	}
	if f == HangsBeforeCharge || f == RequestLost {
		return f, billing.RefundOutcome{}, nil
	}
	if old, ok := p.refunds[r.Key]; ok && !p.over(old) {
		return f, old.outcome, nil
	}
	if p.refundedOf(r.Payment)+r.Amount.Amount > p.chargedFor(r.Payment) {
		p.t.Errorf("refund %s of %s exceeds the charges of payment %s", r.Key, r.Amount, r.Payment)
		return f, billing.RefundOutcome{}, ports.ErrRefused
	}
	o := billing.RefundOutcome{Status: billing.PaymentSucceeded, ProviderRef: "re-" + string(r.Key)}
	switch f {
	case Decline:
		o.Status, o.DeclineCode = billing.PaymentDeclined, billing.InsufficientFunds
	case NeedsConfirmation:
		o.Status = billing.PaymentPending
	default:
	}
	p.refunds[r.Key] = refund{r, o, time.Now()}
	return f, o, nil
}

// over reports whether the key of r is over.
func (p *FakeProvider) over(r refund) bool {
	return p.KeyLimits.Horizon > 0 && time.Since(r.at) >= p.KeyLimits.Horizon
}

func (p *FakeProvider) refundedOf(id billing.PaymentID) (sum int64) {
	for _, r := range p.refunds {
		if r.request.Payment == id && r.outcome.Status != billing.PaymentDeclined {
			sum += r.request.Amount.Amount
		}
	}
	return sum
}

func (p *FakeProvider) chargedFor(id billing.PaymentID) (sum int64) {
	for _, e := range p.ledger {
		if e.Key == id {
			sum += e.Amount.Amount
		}
	}
	return sum
}

// SettleRefunds gives all pending refunds this status.
func (p *FakeProvider) SettleRefunds(as billing.PaymentStatus) {
	p.moveRefunds(billing.PaymentPending, as)
}

// FailRefunds takes back all refunds that succeeded, as a bank does weeks later.
func (p *FakeProvider) FailRefunds() {
	p.moveRefunds(billing.PaymentSucceeded, billing.PaymentDeclined)
}

func (p *FakeProvider) moveRefunds(from, to billing.PaymentStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, r := range p.refunds {
		if r.outcome.Status == from {
			r.outcome.Status = to
			if to == billing.PaymentDeclined {
				r.outcome.DeclineCode = billing.GenericDecline
			}
			p.refunds[key] = r
		}
	}
}

// FindRefund implements [ports.Refunder].
func (p *FakeProvider) FindRefund(_ context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	p.outsideTransaction()
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.refunds[q.Key]
	if !ok || p.over(r) || time.Since(r.at) < p.KeyLimits.Settling {
		return billing.RefundOutcome{}, ports.ErrRefundNotFound
	}
	o := r.outcome
	if r.request.Receipt != nil {
		o.Receipt = p.ReceiptStatus
	}
	return o, nil
}

// Refunds implements [ports.Refunder].
func (p *FakeProvider) Refunds(_ context.Context, from time.Time, each func(ports.RefundEntry) error) error {
	for _, e := range p.RefundEntries() {
		if e.At.Before(from) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// RefundEntries returns all refunds of the payment system.
func (p *FakeProvider) RefundEntries() (list []ports.RefundEntry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.refunds {
		list = append(list, ports.RefundEntry{
			Key: r.request.Key, Ref: r.outcome.ProviderRef, Payment: r.request.Payment, PaymentRef: r.request.PaymentRef,
			Amount: r.request.Amount, Status: r.outcome.Status, At: p.now(),
		})
	}
	return list
}

// RefundRequests returns all refund requests received, rejected ones included.
func (p *FakeProvider) RefundRequests() []ports.RefundRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ports.RefundRequest(nil), p.refundRequests...)
}

// checkRefund fails the test unless the refund is committed, and its amount reserved.
func (p *FakeProvider) checkRefund(ctx context.Context, r ports.RefundRequest) {
	for _, stored := range p.storedRefunds(context.WithoutCancel(ctx), r.Payment) {
		if stored.ID == r.Key && stored.Amount == r.Amount && stored.Reserves() {
			return
		}
	}
	p.t.Errorf("the payment system received refund %s of %s, which is not stored", r.Key, r.Amount)
}

func (p *FakeProvider) storedRefunds(ctx context.Context, id billing.PaymentID) []billing.Refund {
	paid, err := p.store.PaymentsByID(ctx, p.Code, id)
	if err != nil || len(paid) != 1 {
		p.t.Errorf("the payment system received a refund of payment %s: %d payments, %v", id, len(paid), err)
		return nil
	}
	list, err := p.store.Views().Refunds(ctx, paid[0].UserID, id)
	if err != nil {
		p.t.Error(err)
	}
	return list
}

// Deliver charges a payment whose request was lost, as if it had been on its way.
func (p *FakeProvider) Deliver(pay billing.Payment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := ports.ChargeRequest{Key: pay.ID, Token: Token, Amount: pay.Amount, Initiator: pay.Initiator, Payer: pay.UserID}
	o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref-" + string(r.Key)}
	p.ledger = append(p.ledger, ports.LedgerEntry{Key: r.Key, Amount: r.Amount, At: p.now()})
	p.charges[r.Key] = charge{r, o, time.Now()}
}
