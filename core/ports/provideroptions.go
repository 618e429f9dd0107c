package ports

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// A [Provider] may also implement [Ledger], [Listener], [Saver], [Refunder], [Canceller],
// [Forgetter] and [Prober].

// Listener is a payment system that notifies the service of changes. A notification is
// only a hint to look a payment or a save up now. Its outcome is not used.
type Listener interface {
	// ReadNotification proves that a notification comes from the payment system, and
	// returns the payment or the save that it is about.
	//
	//	ErrForged      nothing proves that it comes from the payment system
	//	ErrIrrelevant  it is about something else
	ReadNotification(n Notification) (Notice, error)
}

// Notification is a request that claims to come from a payment system.
type Notification struct {
	Header map[string][]string // canonical names, as in net/http
	Body   []byte              // as it arrived
	From   netip.Addr          // the sender, as far as the network tells
	At     time.Time           // when it arrived, on the wall clock
}

// Notice names a payment, a save or a refund that may have changed. A field is empty if the
// notification does not contain it.
type Notice struct {
	Key         billing.PaymentID
	Method      billing.PaymentMethodID // of a save
	ProviderRef string                  // of the payment or the save
	Refund      billing.RefundID
	RefundRef   string // the payment system's id of the refund
}

// The errors of a [Listener].
var (
	ErrForged     = errors.New("nothing proves that the notification comes from the payment system")
	ErrIrrelevant = errors.New("the notification is about something else")
)

// Canceller is a payment system that can cancel a payment that waits for its viewer, on a
// page or for 3-D Secure.
type Canceller interface {
	// Cancel asks the payment system to cancel the charge that q describes, so that the
	// viewer cannot pay it any more. A charge that was paid stays paid. The viewer may be
	// paying at this moment, and the response may be lost. So neither nil nor an error says
	// whether the charge was paid: [Provider.Find] does. Cancel may be called again.
	Cancel(ctx context.Context, q ChargeQuery) error
}

// Forgetter is a payment system that can delete a saved payment method.
type Forgetter interface {
	// Forget deletes the method of the token. A token that the payment system does not
	// know is no error.
	Forget(ctx context.Context, token billing.Secret) error
}

// Prober is a payment system that can be tested without moving money.
type Prober interface {
	// Probe checks that the payment system can be reached and accepts the credentials. It
	// returns [ErrCredentials] if it does not accept them.
	Probe(ctx context.Context) error
}
