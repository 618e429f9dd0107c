package stripe

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/ports"
)

var (
	errRunning     = errors.New("another request with the same key is running at Stripe")
	errUnconfirmed = errors.New("the PaymentIntent is not confirmed")
	errNoPage      = errors.New("the PaymentIntent needs an action that has no page")
	errStatus      = errors.New("the status is unknown")
	errObject      = errors.New("an object has no valid id")
	errOtherCharge = errors.New("the reference belongs to another payment")
	errLostRef     = errors.New("Stripe does not know the reference that it gave for the payment")
	errCurrency    = errors.New("the amount has no equivalent in minor units")
	errOtherRefund = errors.New("the reference belongs to a refund of another payment")
	errNoPayment   = errors.New("Stripe has no successful PaymentIntent of the payment")
	errUnpaid      = errors.New("the page of the payment took no money")
)

// apiError is an error response of Stripe. It has nothing of the response but its status,
// its code and the name of the parameter.
type apiError struct {
	status      int
	typ         string // "" if the response does not come from Stripe itself
	code, param string
	kind        error // one of [ports.Provider]; nil if the effect of the request is unknown
}

// Error implements error.
func (e *apiError) Error() string {
	text := fmt.Sprintf("Stripe responds with status %d", e.status)
	if e.code != "" {
		text += ", code " + e.code
	}
	if e.param != "" {
		text += ", parameter " + e.param
	}
	return text
}

// Unwrap returns the error of [ports.Provider].
func (e *apiError) Unwrap() error { return e.kind }

// Codes of errors.
const (
	codeMissing         = "resource_missing"
	codeLockTimeout     = "lock_timeout"
	codeUnexpectedState = "payment_intent_unexpected_state"
	codeOtherMode       = "livemode_mismatch"
)

// newAPIError returns the error of a response. busy is the error of status 429.
func newAPIError(resp pspclient.Response, busy error) *apiError {
	var body struct {
		Error struct{ Type, Code, Param string }
	}
	e := &apiError{status: resp.Status}
	if resp.JSON(&body) == nil {
		e.typ, e.code, e.param = pspclient.Word(body.Error.Type), pspclient.Word(body.Error.Code), pspclient.Word(body.Error.Param)
	}
	e.kind = e.kindOf(busy)
	return e
}

// kindOf returns the error of [ports.Provider]. A response that does not come from Stripe
// itself, such as that of a proxy, proves nothing.
func (e *apiError) kindOf(busy error) error {
	switch {
	case e.running():
		return nil
	case e.status == http.StatusTooManyRequests:
		return busy
	case e.typ == "":
		return nil
	case e.status == http.StatusUnauthorized, e.status == http.StatusForbidden:
		return ports.ErrCredentials
	case e.typ == "idempotency_error":
		return ports.ErrKeyConflict
	case e.declined(), e.code == codeUnexpectedState, e.status < 400, e.status > 499:
		return nil
	case e.param == "payment_method", e.param == "customer":
		return ports.ErrTokenUnknown
	default:
		return ports.ErrRefused
	}
}

// running reports whether Stripe refused the request because one with the same key, or
// about the same object, is running.
func (e *apiError) running() bool {
	return e.status == http.StatusConflict || e.status == http.StatusTooManyRequests && e.code == codeLockTimeout
}

func (e *apiError) declined() bool { return e.status == http.StatusPaymentRequired }

func isRunning(err error) bool {
	e := (*apiError)(nil)
	return errors.As(err, &e) && e.running()
}

// isStatus reports whether err is an error response for which f holds.
func isStatus(err error, f func(*apiError) bool) bool {
	e := (*apiError)(nil)
	return errors.As(err, &e) && f(e)
}

func isMissing(err error) bool {
	return isStatus(err, func(e *apiError) bool { return e.status == http.StatusNotFound && e.typ != "" })
}

// unknown returns an error with the text of err that leaves the outcome unknown. The
// request that failed is not the one that moves money.
func unknown(doing string, err error) error { return fmt.Errorf("%s: %s", doing, err.Error()) }

// prepare returns the error of a step before the confirmation. Nothing was charged after
// it, unless another request with the same key is running.
func prepare(doing string, err error) error {
	if isDefinite(err) || errors.Is(err, errRunning) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %s", doing, ports.ErrNotSent, err.Error())
}

// isDefinite reports whether the request that failed with err had no effect.
func isDefinite(err error) bool {
	for _, known := range []error{
		ports.ErrNotSent, ports.ErrTokenUnknown, ports.ErrRefused, ports.ErrKeyConflict, ports.ErrCredentials,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
