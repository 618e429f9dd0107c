package yookassa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// The list of a window covers these times around it, because the clocks of YooKassa and
// of the store differ, and because a request may be on its way for a while.
const (
	beforeWindow = time.Minute
	afterWindow  = settling
)

// Find looks the payment up by its reference. Without a reference it reads the list of the
// payments that were created in the window. See [ports.Provider].
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
	for p, err := range y.payments(ctx, createdIn(q)) {
		if err != nil {
			return billing.Outcome{}, err
		}
		if p.Metadata.PaymentID == string(q.Key) {
			return p.outcome(q.Key)
		}
	}
	return billing.Outcome{}, ports.ErrChargeNotFound
}

// createdIn returns the filter of the payments that may have been created in the window of
// the query. A zero time is no limit.
func createdIn(q ports.ChargeQuery) url.Values {
	filter := url.Values{}
	if !q.SentFrom.IsZero() {
		filter.Set("created_at.gte", timestamp(q.SentFrom.Add(-beforeWindow)))
	}
	if !q.SentUntil.IsZero() {
		filter.Set("created_at.lte", timestamp(q.SentUntil.Add(afterWindow)))
	}
	return filter
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
