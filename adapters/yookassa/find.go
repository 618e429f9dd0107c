package yookassa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Find looks the payment up by its reference. Without a reference it searches the list
// of the payments that were created in the window. See [ports.Provider].
//
// A reference that YooKassa does not know is not [ports.ErrChargeNotFound], because
// YooKassa itself reported it: the credentials may be those of another shop now.
func (y *YooKassa) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := y.find(ctx, q)
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("yookassa: find %q: %w", q.Key, err)
	}
	return o, nil
}

func (y *YooKassa) find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	switch {
	case q.ProviderRef != "":
		var p payment
		if err := y.get(ctx, "/payments/"+url.PathEscape(q.ProviderRef), &p); err != nil {
			return billing.Outcome{}, err
		}
		return p.outcome(q.Key)
	case q.Key == "":
		return billing.Outcome{}, ports.ErrChargeNotFound
	}
	p, err := y.search(ctx, q)
	if err != nil {
		return billing.Outcome{}, err
	}
	return p.outcome(q.Key)
}

// get reads an object into v. No status but 200 proves anything about a payment.
func (y *YooKassa) get(ctx context.Context, path string, v any) error {
	r, err := y.client.Do(ctx, pspclient.Request{Method: http.MethodGet, Path: path, Header: y.header("")})
	if err != nil {
		return err
	}
	if r.Status == http.StatusOK {
		return r.JSON(v)
	}
	var f failure
	_ = r.JSON(&f) // a body in another form leaves f empty
	if err := f.refusal(r.Status); errors.Is(err, ports.ErrCredentials) {
		return err
	}
	return fmt.Errorf("status %d, code %s", r.Status, word(f.Code))
}
