package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Charge implements [ports.Provider]. It refuses cards.
func (s *Stripe) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := s.charge(ctx, r)
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("stripe: charge %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Stripe) charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if err := r.CheckCard(); err != nil {
		return billing.Outcome{}, err
	}
	if s.isOver(r.FirstSent) {
		return billing.Outcome{}, ports.ErrTooLate
	}
	if r.Card != nil || !validKey(r.Key) || !s.validInitiator(r) {
		return billing.Outcome{}, ports.ErrRefused
	}
	price, err := priceOf(r.Amount)
	if err != nil {
		return billing.Outcome{}, err
	}
	if r.Token.IsZero() {
		return s.openPage(ctx, r, price)
	}
	in, err := s.create(ctx, r, price)
	if err != nil {
		return billing.Outcome{}, err
	}
	o, err := s.confirm(ctx, r, in)
	if err != nil {
		err = afterCreate(r, "the PaymentIntent exists", err)
	}
	return o, err
}

// afterCreate returns the error of a charge whose PaymentIntent may exist. A renewal that counts
// as unsent loses the time of its first sending. Then a repetition could confirm a
// PaymentIntent that is older than the time in which lookups search for it. A viewer's own
// charge is never repeated, so it counts as unsent if nothing was confirmed.
func afterCreate(r ports.ChargeRequest, doing string, err error) error {
	if r.Initiator == billing.MerchantInitiated && (errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials)) {
		return unknown(doing, err)
	}
	return err
}

// isOver reports whether Stripe may have forgotten a key that was first sent at that time.
func (s *Stripe) isOver(first time.Time) bool {
	return !first.IsZero() && s.cfg.Now().Sub(first) >= horizon
}

// validKey reports whether the key fits the metadata and, with a suffix, the header.
func validKey(key billing.PaymentID) bool {
	invalid := func(c rune) bool { return c <= ' ' || c > '~' }
	return key != "" && len(key) <= 200 && !strings.ContainsFunc(string(key), invalid)
}

// validInitiator reports whether the initiator is known. A viewer needs a page to return
// to, and a merchant a token.
func (s *Stripe) validInitiator(r ports.ChargeRequest) bool {
	return r.Initiator == billing.CustomerInitiated && s.returnURL(r) != "" ||
		r.Initiator == billing.MerchantInitiated && !r.Token.IsZero()
}

// price is an amount as Stripe's parameters have it.
type price struct {
	amount   int64
	currency string
}

func priceOf(m billing.Money) (price, error) {
	amount, currency, err := toStripe(m)
	return price{amount, currency}, err
}

// create creates the PaymentIntent, or returns the one that was created before with the
// same key. It moves no money.
func (s *Stripe) create(ctx context.Context, r ports.ChargeRequest, p price) (*intent, error) {
	t, err := s.method(ctx, r)
	if err != nil {
		return nil, err
	}
	in := &intent{}
	_, err = s.send(ctx, call{
		method: http.MethodPost, path: "/v1/payment_intents", key: keyOf(r.Key, "create"), form: createForm(r, t, p),
	}, in)
	if isStatus(err, func(e *apiError) bool { return e.status >= 500 }) {
		in, err = s.createdBefore(ctx, r, t, p, err)
	}
	if err == nil && !isID(in.ID) {
		err = errObject
	}
	switch {
	case err != nil && isDefinite(err):
		return nil, prepare("create the PaymentIntent", err)
	case err != nil:
		return nil, afterCreate(r, "the PaymentIntent may exist", prepare("create the PaymentIntent", err))
	case in.Customer.Metadata[metaUser] != string(r.Payer):
		return nil, ports.ErrTokenUnknown // another viewer's payment method
	case s.isOver(time.Unix(in.Created, 0)):
		return nil, ports.ErrTooLate
	}
	return in, nil
}

func createForm(r ports.ChargeRequest, t token, p price) url.Values {
	form := url.Values{
		"amount":                 {strconv.FormatInt(p.amount, 10)},
		"currency":               {p.currency},
		"customer":               {t.customer},
		"payment_method":         {t.method},
		"payment_method_types[]": {"card"},
		"expand[]":               {"customer"},
	}
	for name, value := range metadataOf(r) {
		form.Set("metadata["+name+"]", value)
	}
	if r.Initiator == billing.CustomerInitiated {
		form.Set("setup_future_usage", offSession)
	}
	return form
}

func metadataOf(r ports.ChargeRequest) map[string]string {
	return map[string]string{
		metaPayment: string(r.Key), metaUser: string(r.Payer), metaInitiator: string(r.Initiator),
	}
}

// createdBefore looks for the PaymentIntent after status 5xx. Stripe repeats a recorded
// 500 for a day, although the PaymentIntent may exist. Without one, it returns failed.
func (s *Stripe) createdBefore(ctx context.Context, r ports.ChargeRequest, t token, p price, failed error) (*intent, error) {
	from := r.FirstSent
	if from.IsZero() {
		from = s.cfg.Now()
	}
	in, err := s.findIntent(ctx, r.Key, created(from, time.Time{}))
	switch {
	case err != nil:
		return nil, failed
	case in.Amount != p.amount || in.Currency != p.currency || in.Customer.ID != t.customer:
		return nil, ports.ErrKeyConflict
	default:
		return in, nil
	}
}

// confirm takes the money. Only an outcome that Stripe reports for the first time is used
// as it is.
func (s *Stripe) confirm(ctx context.Context, r ports.ChargeRequest, in *intent) (billing.Outcome, error) {
	if in.Status != requiresConfirmation {
		return s.current(ctx, r, in.ID)
	}
	form := url.Values{offSession: {"true"}}
	if r.Initiator == billing.CustomerInitiated {
		form = url.Values{"return_url": {s.returnURL(r)}}
	}
	confirmed := &intent{}
	replayed, err := s.send(ctx, call{
		method: http.MethodPost, path: "/v1/payment_intents/" + in.ID + "/confirm", key: keyOf(r.Key, "confirm"), form: form,
	}, confirmed)
	stale := isStatus(err, func(e *apiError) bool {
		return e.declined() || e.code == codeUnexpectedState || e.status >= 500
	})
	switch {
	case err == nil && !replayed && confirmed.Status == succeeded:
		return confirmed.outcome()
	case err == nil, stale:
		return s.current(ctx, r, in.ID)
	default:
		return billing.Outcome{}, fmt.Errorf("confirm the PaymentIntent: %w", err)
	}
}

func (s *Stripe) returnURL(r ports.ChargeRequest) string {
	if r.ReturnURL != "" {
		return r.ReturnURL
	}
	return s.cfg.ReturnURL
}

// current returns the outcome of a PaymentIntent that was to be confirmed. Its errors leave
// the outcome unknown. A renewal that needs its viewer is cancelled as far as possible, so
// that it cannot succeed later.
func (s *Stripe) current(ctx context.Context, r ports.ChargeRequest, id string) (billing.Outcome, error) {
	in, err := s.intent(ctx, id)
	if err != nil {
		return billing.Outcome{}, unknown("read the PaymentIntent", err)
	}
	if in.Status == requiresAction && in.merchantInitiated() {
		_, _ = s.send(ctx, call{
			method: http.MethodPost, path: "/v1/payment_intents/" + id + "/cancel", key: keyOf(r.Key, "cancel"),
			form: url.Values{"cancellation_reason": {cancelReason}},
		}, &intent{})
	}
	return in.outcome()
}
