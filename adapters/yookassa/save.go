package yookassa

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newMethod is the body of POST /payment_methods. As with newPayment, a release that changes
// it breaks the repetition of requests that the release before it has sent. YooKassa stores
// neither metadata nor a viewer with a method.
type newMethod struct {
	Type         string       `json:"type"`
	Confirmation confirmation `json:"confirmation"`
}

// savedMethod is a payment method at YooKassa, as far as the adapter reads it. Its id is
// also the token.
type savedMethod struct {
	ID     string `json:"id"`
	Saved  bool   `json:"saved"`
	Status string `json:"status"`
	Card   struct {
		Last4 string `json:"last4"`
		Type  string `json:"card_type"`
	} `json:"card"`
	Confirmation struct {
		URL string `json:"confirmation_url"`
	} `json:"confirmation"`
}

// The statuses of a saved method, besides pending.
const (
	statusActive   = "active"
	statusInactive = "inactive"
)

const methodsPath = "/payment_methods"

// Save opens a page on which the viewer saves a card. It repeats the same request while
// YooKassa works on it, until ctx ends. See [ports.Saver].
func (y *YooKassa) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	o, err := y.save(ctx, r)
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("yookassa: save %q: %w", r.Key, err)
	}
	return o, nil
}

func (y *YooKassa) save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	back := cmp.Or(r.ReturnURL, y.returnURL)
	if !isKey(string(r.Key)) || back == "" {
		return billing.SaveOutcome{}, ports.ErrRefused
	}
	body, err := json.Marshal(newMethod{Type: "bank_card", Confirmation: confirmation{Type: "redirect", ReturnURL: back}})
	if err != nil {
		return billing.SaveOutcome{}, err
	}
	var m savedMethod
	if err := y.post(ctx, methodsPath, string(r.Key), body, &m); err != nil {
		return billing.SaveOutcome{}, err
	}
	return m.outcome()
}

// FindSave reads the method by its reference. YooKassa has no list of methods, so without a
// reference it sends the same request again as long as YooKassa recognizes the key. That
// opens the page if the first request did not arrive, and charges nothing. Later it returns
// [ports.ErrSaveNotFound]: nobody has the address of a page that may exist.
func (y *YooKassa) FindSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	o, err := y.findSave(ctx, q)
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("yookassa: find the save %q: %w", q.Key, err)
	}
	return o, nil
}

func (y *YooKassa) findSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	switch {
	case q.ProviderRef != "":
		var m savedMethod
		if err := y.get(ctx, methodsPath+"/"+url.PathEscape(q.ProviderRef), &m); err != nil {
			return billing.SaveOutcome{}, err
		}
		if m.ID != q.ProviderRef {
			return billing.SaveOutcome{}, errOtherMethod
		}
		return m.outcome()
	case !q.SentFrom.IsZero() && y.now().Sub(q.SentFrom) >= horizon:
		return billing.SaveOutcome{}, ports.ErrSaveNotFound
	default:
		return y.save(ctx, q.SaveRequest)
	}
}

var errOtherMethod = errors.New("the response is about another payment method")

func (m savedMethod) outcome() (billing.SaveOutcome, error) {
	o := billing.SaveOutcome{ProviderRef: m.ID}
	switch {
	case m.ID == "":
		return billing.SaveOutcome{}, errOtherMethod
	case m.Status == statusPending:
		o.Status, o.ActionURL = billing.MethodPending, m.Confirmation.URL
	case m.Status == statusActive && m.Saved:
		o.Status, o.Token = billing.MethodActive, billing.NewSecret(m.ID)
		o.Brand, o.Last4 = brands()[m.Card.Type], m.Card.Last4
	case m.Status == statusActive:
		o.Status, o.DeclineCode = billing.MethodFailed, billing.MethodNotSaved
	case m.Status == statusInactive: // YooKassa does not say why
		o.Status, o.DeclineCode = billing.MethodFailed, billing.UnknownDecline
	default:
		return billing.SaveOutcome{}, fmt.Errorf("the payment method has the unexpected status %s", word(m.Status))
	}
	return o, nil
}

// brands maps the card types of YooKassa that the service knows.
func brands() map[string]billing.Brand {
	return map[string]billing.Brand{
		"MasterCard": billing.Mastercard, "Visa": billing.Visa, "Mir": billing.Mir, "UnionPay": billing.UnionPay,
		"JCB": billing.JCB, "AmericanExpress": billing.Amex,
	}
}
