package billingtest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// savedMethod is a save at the payment system, under its key.
type savedMethod struct {
	request ports.SaveRequest
	outcome billing.SaveOutcome
	at      time.Time // on the wall clock
}

// SavePage is the page on which the viewer saves a method.
const SavePage = "https://bank.example/save"

// Save implements [ports.Saver].
func (p *FakeProvider) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	if !p.outsideTransaction() {
		return billing.SaveOutcome{}, ports.ErrNotSent
	}
	if v, err := p.store.Views().SavedMethod(context.WithoutCancel(ctx), r.Payer, r.Key); err != nil || !v.Saving {
		p.t.Errorf("the payment system received the save of method %s, which is not stored as pending (%v)", r.Key, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saveRequests = append(p.saveRequests, r)
	if err := p.fault.err(); err != nil {
		return billing.SaveOutcome{}, err
	}
	if p.fault == RequestLost {
		return billing.SaveOutcome{}, ErrLost
	}
	s, ok := p.saves[r.Key]
	if ok && s.request != r {
		return billing.SaveOutcome{}, ports.ErrKeyConflict
	}
	if !ok {
		s = savedMethod{r, billing.SaveOutcome{Status: billing.MethodPending, ProviderRef: "save-" + string(r.Key), ActionURL: SavePage}, time.Now()}
		p.saves[r.Key] = s
	}
	if p.fault == ResponseLost {
		return billing.SaveOutcome{}, ErrLost
	}
	return s.outcome, nil
}

// FindSave implements [ports.Saver].
func (p *FakeProvider) FindSave(_ context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	p.outsideTransaction()
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.saves[q.Key]
	if !ok || time.Since(s.at) < p.KeyLimits.Settling {
		return billing.SaveOutcome{}, ports.ErrSaveNotFound
	}
	return s.outcome, nil
}

// FinishSaves ends all pages on which viewers save a method: with a token if code is
// empty, and as failed otherwise.
func (p *FakeProvider) FinishSaves(code billing.DeclineCode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, s := range p.saves {
		if s.outcome.Status != billing.MethodPending {
			continue
		}
		o := billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: code, ProviderRef: s.outcome.ProviderRef}
		if code == "" {
			o.Status, o.Brand, o.Last4 = billing.MethodActive, billing.Visa, "4242"
			if p.fault != CardNotSaved {
				o.Token = SavedToken(key)
			}
		}
		s.outcome = o
		p.saves[key] = s
	}
}

// SavedToken returns the token of a method that was saved without a charge.
func SavedToken(id billing.PaymentMethodID) billing.Secret {
	return billing.NewSecret("tok_saved_" + string(id))
}

// SaveRequests returns all requests to save a method.
func (p *FakeProvider) SaveRequests() []ports.SaveRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ports.SaveRequest(nil), p.saveRequests...)
}

// Forget implements [ports.Forgetter]. Charges by the token fail afterwards.
func (p *FakeProvider) Forget(_ context.Context, token billing.Secret) error {
	if !p.outsideTransaction() {
		return errors.New("inside a transaction")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == ConnectionRefused {
		return ports.ErrNotSent
	}
	p.gone[token.Reveal()]++
	if p.fault == ResponseLost {
		return ErrLost
	}
	return nil
}

// Forgot returns how often the payment system was asked to forget a token.
func (p *FakeProvider) Forgot(token billing.Secret) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone[token.Reveal()]
}
