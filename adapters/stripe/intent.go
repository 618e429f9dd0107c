package stripe

import (
	"encoding/json"
	"strings"

	"github.com/online-cinema/billing/core/billing"
)

// Metadata of our objects at Stripe.
const (
	metaPayment   = "payment_id"        // also on the charge of a PaymentIntent
	metaMethod    = "payment_method_id" // of a page that saves a card
	metaUser      = "user_id"
	metaInitiator = "initiator"
	metaPage      = "page" // "yes" if the viewer pays on a page of Stripe
	metaRefund    = "refund_id"
)

// Values of parameters and of fields.
const (
	offSession   = "off_session"
	yes          = "yes"
	cancelReason = "abandoned" // of a renewal that needs its viewer
)

// intent is a PaymentIntent.
type intent struct {
	ID               string            `json:"id"`
	Status           string            `json:"status"`
	Amount           int64             `json:"amount"`
	AmountReceived   int64             `json:"amount_received"`
	Currency         string            `json:"currency"`
	Created          int64             `json:"created"`
	Customer         object            `json:"customer"`
	PaymentMethod    object            `json:"payment_method"`
	SetupFutureUsage string            `json:"setup_future_usage"`
	CancelReason     string            `json:"cancellation_reason"`
	Metadata         map[string]string `json:"metadata"`
	LastError        *decline          `json:"last_payment_error"`
	LatestCharge     object            `json:"latest_charge"`
	NextAction       struct {
		Redirect struct {
			URL string `json:"url"`
		} `json:"redirect_to_url"`
	} `json:"next_action"`
}

// object is another object in a response: only its id, or more if it was expanded.
type object struct {
	ID       string
	Metadata map[string]string
	Outcome  struct{ Type string } // of a charge
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *object) UnmarshalJSON(text []byte) error {
	if strings.HasPrefix(string(text), `"`) {
		return json.Unmarshal(text, &o.ID)
	}
	type expanded object
	return json.Unmarshal(text, (*expanded)(o))
}

// Statuses of a PaymentIntent.
const (
	succeeded             = "succeeded"
	processing            = "processing"
	requiresAction        = "requires_action"
	requiresConfirmation  = "requires_confirmation"
	requiresPaymentMethod = "requires_payment_method"
	canceled              = "canceled"
)

// outcome returns the outcome of the payment. It returns errUnconfirmed if it was never
// confirmed, so that it took no money, and other errors if the outcome is unknown.
func (in *intent) outcome() (billing.Outcome, error) {
	switch {
	case in.Status == succeeded:
		return in.success()
	case in.Status == processing:
		return billing.Outcome{Status: billing.PaymentPending, ProviderRef: in.ID}, nil
	case in.Status == requiresAction:
		return in.action()
	case in.Status == requiresPaymentMethod && in.LastError != nil, in.Status == canceled && in.LastError != nil:
		return in.LastError.outcome(in.ID, in.LatestCharge.Outcome.Type == "blocked"), nil
	case in.Status == canceled && in.CancelReason == cancelReason:
		return in.declined(billing.AuthenticationRequired), nil
	case in.Status == canceled:
		return in.declined(billing.ActionExpired), nil
	case in.Status == requiresConfirmation, in.Status == requiresPaymentMethod:
		return billing.Outcome{}, errUnconfirmed
	default:
		return billing.Outcome{}, errStatus
	}
}

func (in *intent) success() (billing.Outcome, error) {
	amount, err := fromStripe(in.AmountReceived, in.Currency)
	if err != nil {
		return billing.Outcome{}, err
	}
	o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: amount, ProviderRef: in.ID}
	if in.onPage() && in.SetupFutureUsage == offSession && in.Customer.ID != "" && in.PaymentMethod.ID != "" {
		o.Token = token{in.Customer.ID, in.PaymentMethod.ID}.secret()
	}
	return o, nil
}

// action returns the outcome of a payment that needs its viewer. Without a viewer it is
// declined.
func (in *intent) action() (billing.Outcome, error) {
	switch {
	case in.merchantInitiated():
		return in.declined(billing.AuthenticationRequired), nil
	case in.NextAction.Redirect.URL == "":
		return billing.Outcome{}, errNoPage
	default:
		return billing.Outcome{
			Status: billing.PaymentPending, ProviderRef: in.ID, ActionURL: in.NextAction.Redirect.URL,
		}, nil
	}
}

func (in *intent) declined(code billing.DeclineCode) billing.Outcome {
	return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code, ProviderRef: in.ID}
}

func (in *intent) onPage() bool { return in.Metadata[metaPage] == yes }

func (in *intent) merchantInitiated() bool {
	return in.Metadata[metaInitiator] == string(billing.MerchantInitiated)
}
