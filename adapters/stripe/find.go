package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// clockMargin covers the difference between the store's clock and that of Stripe.
const clockMargin = time.Minute

// Find implements [ports.Provider]. With a reference it is one or two requests. Without
// one it reads the lists of all PaymentIntents and pages of the time in which the charge
// was sent, because Stripe has no other lookup that is up to date.
//
// A PaymentIntent that was never confirmed is not found: only Charge confirms it.
func (s *Stripe) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := s.find(ctx, q)
	if errors.Is(err, errUnconfirmed) {
		err = ports.ErrChargeNotFound
	}
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("stripe: find %q: %w", q.Key, err)
	}
	return o, nil
}

func (s *Stripe) find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	if !validKey(q.Key) {
		return billing.Outcome{}, ports.ErrChargeNotFound
	}
	ref := q.ProviderRef
	switch {
	case strings.HasPrefix(ref, "cs_") && isID(ref):
		return s.findSession(ctx, q.Key, ref)
	case strings.HasPrefix(ref, "pi_") && isID(ref):
		return s.byIntent(ctx, q.Key, ref)
	}
	sent := created(q.SentFrom, q.SentUntil)
	in, err := s.findIntent(ctx, q.Key, sent)
	switch {
	case err == nil:
		return s.byIntent(ctx, q.Key, in.ID)
	case !errors.Is(err, ports.ErrChargeNotFound):
		return billing.Outcome{}, err
	}
	page, err := find(ctx, s, sessionsPath, sent, func(c session) bool { return c.Metadata[metaPayment] == string(q.Key) })
	if err != nil {
		return billing.Outcome{}, err
	}
	return s.pageOutcome(ctx, page)
}

// byIntent returns the outcome of the payment whose PaymentIntent has this id.
func (s *Stripe) byIntent(ctx context.Context, key billing.PaymentID, id string) (billing.Outcome, error) {
	in, err := s.ownIntent(ctx, key, id)
	switch {
	case err != nil:
		return billing.Outcome{}, err
	case in.onPage() && in.Status != succeeded && in.Status != processing:
		query := url.Values{"payment_intent": {id}}
		page, err := find(ctx, s, sessionsPath, query, func(session) bool { return true })
		if err != nil {
			return billing.Outcome{}, unknown("find the page", err)
		}
		return s.pageOutcome(ctx, page)
	default:
		return in.outcome()
	}
}

func (s *Stripe) findSession(ctx context.Context, key billing.PaymentID, id string) (billing.Outcome, error) {
	page, err := s.ownSession(ctx, metaPayment, string(key), id)
	if err != nil {
		return billing.Outcome{}, err
	}
	return s.pageOutcome(ctx, page)
}

// ownSession reads a page that must have our key as this metadata.
func (s *Stripe) ownSession(ctx context.Context, meta, key, id string) (page session, err error) {
	err = s.get(ctx, sessionsPath+"/"+id, nil, &page)
	return page, ownError(err, page.Metadata[meta], key)
}

// ownIntent reads the PaymentIntent of the payment with this key.
func (s *Stripe) ownIntent(ctx context.Context, key billing.PaymentID, id string) (*intent, error) {
	in, err := s.intent(ctx, id)
	return in, ownError(err, in.Metadata[metaPayment], string(key))
}

// ownError returns the error of a lookup by reference. Without err, the object must have our
// key.
func ownError(err error, got, key string) error {
	switch {
	case isMissing(err):
		return errLostRef
	case err == nil && got != key:
		return errOtherCharge
	default:
		return err
	}
}

// intent reads a PaymentIntent, with the outcome of its latest charge.
func (s *Stripe) intent(ctx context.Context, id string) (*intent, error) {
	in := &intent{}
	if !isID(id) {
		return in, errObject
	}
	return in, s.get(ctx, "/v1/payment_intents/"+id, url.Values{"expand[]": {"latest_charge"}}, in)
}

// findIntent returns the first PaymentIntent with the key in the list of a query. It
// returns [ports.ErrChargeNotFound] if there is none.
func (s *Stripe) findIntent(ctx context.Context, key billing.PaymentID, query url.Values) (*intent, error) {
	query.Set("expand[]", "data.customer")
	in, err := find(ctx, s, "/v1/payment_intents", query, func(in intent) bool { return in.Metadata[metaPayment] == string(key) })
	query.Del("expand[]")
	return &in, err
}

// created returns the query for objects that were created between these times, with a
// margin. The zero time means no limit.
func created(from, until time.Time) url.Values {
	query := url.Values{}
	if !from.IsZero() {
		query.Set("created[gte]", strconv.FormatInt(from.Add(-clockMargin).Unix(), 10))
	}
	if !until.IsZero() {
		query.Set("created[lte]", strconv.FormatInt(until.Add(clockMargin).Unix(), 10))
	}
	return query
}
