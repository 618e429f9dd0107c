package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PurposeWebhookSecret is the kind of the encrypted secrets of endpoints.
const PurposeWebhookSecret Purpose = "webhook secret"

// EndpointSecretPlace returns the place of an endpoint's secret.
func EndpointSecretPlace(e billing.EndpointID, secret string) Place {
	return Place{Purpose: PurposeWebhookSecret, Row: string(e) + "/" + secret}
}

// ErrLeaseLost means that a lease is over, and that another process may have it.
var ErrLeaseLost = errors.New("the lease of the endpoint is over")

// Endpoints stores the receivers of webhooks, for operators.
type Endpoints interface {
	// Add stores an endpoint. Its delivery begins with the events from AddedAt on.
	Add(ctx context.Context, e billing.Endpoint, s EndpointSecret) error
	// Lock returns and locks an endpoint, or returns [billing.ErrEndpointNotFound].
	Lock(ctx context.Context, id billing.EndpointID) (billing.Endpoint, error)
	// Save stores the changes of an operator: whether the endpoint is disabled, the next try,
	// and the requests for a replay and a test.
	Save(ctx context.Context, e billing.Endpoint) error
	// AddSecret adds a secret. The earlier secrets of the endpoint sign until the given time,
	// or until their own end, if that is earlier.
	AddSecret(ctx context.Context, id billing.EndpointID, s EndpointSecret, until time.Time) error
	// Resend makes events of a viewer due again that were delivered before, and returns their
	// number.
	Resend(ctx context.Context, id billing.EndpointID, r Resend) (int, error)
}

// EndpointSecret is a secret of an endpoint.
type EndpointSecret struct {
	ID      string
	Secret  billing.WebhookSecret
	AddedAt time.Time // on the wall clock
}

// Resend selects delivered events of a viewer. Its Event alone selects one event.
type Resend struct {
	User  billing.UserID
	Event billing.EventID // empty for all
	Since time.Time       // recorded at or after it; zero for all
	Now   time.Time       // on the billing clock
}

// EndpointViews reads endpoints outside a transaction.
type EndpointViews interface {
	// Endpoints returns all endpoints, oldest first.
	Endpoints(ctx context.Context) ([]EndpointView, error)
}

// EndpointView is an endpoint and the events that it has not received.
type EndpointView struct {
	billing.Endpoint
	Behind  int       // events that it has not received yet, counted up to [MaxBehind]
	Oldest  time.Time // when the oldest of them was recorded; zero without any
	Waiting int       // those of them that were tried, or that wait behind one, counted likewise
}

// MaxBehind limits the count of events that an endpoint has not received.
const MaxBehind = 10_000

// EndpointLeases gives one process at a time the right to deliver to an endpoint.
type EndpointLeases interface {
	// Lease leases an endpoint that has work: it is enabled and its next try is due, or a test
	// is requested. No other process gets it until the lease is over. ok is false if there is
	// none.
	Lease(ctx context.Context, q EndpointLease) (p Push, ok bool, err error)
	// Release stores the progress of p and ends its lease. The endpoint is not leased again
	// until idle has elapsed. Changes that operators made since the lease stay. It
	// returns [ErrLeaseLost] and stores nothing if the lease is not that of p any more.
	Release(ctx context.Context, p Push, idle time.Duration) error
}

// EndpointLease is a request for a lease.
type EndpointLease struct {
	ID   string        // of the lease; a new one for each
	Now  time.Time     // on the billing clock
	Wall time.Time     // on the wall clock, for the secrets
	For  time.Duration // on the store's clock
}

// Push is a leased endpoint.
type Push struct {
	Lease    string
	Leased   billing.Endpoint // as it was leased
	Endpoint billing.Endpoint // as the delivery leaves it
	Cursor   EndpointCursor
	Secrets  []billing.WebhookSecret // that sign now, newest first; none if the store cannot decrypt them
	Replayed time.Time               // the request for a replay that Cursor begins with; zero for none
}

// EndpointCursor is the place in the feed up to which an endpoint has received events.
type EndpointCursor struct {
	Epoch string // of Place; empty if Place is not used
	Place FeedPlace
	Since time.Time // as in [FeedQuery]
	// Reached is the time up to which all events were delivered, or wait as a [Delivery]. The
	// delivery continues a little before it if the place has no meaning any more.
	Reached time.Time
}

// Delivery is an event that an endpoint has not received, although the cursor is past it. It
// was refused, or waits behind another event of its viewer.
type Delivery struct {
	FeedEvent
	Tries     int // failed
	NextTryAt time.Time
	Status    string // of the last response; empty for none
}

// Deliveries stores the events that endpoints have not received.
type Deliveries interface {
	// Due returns events of viewers whose next try is due, those of a viewer in the order of
	// the feed.
	Due(ctx context.Context, id billing.EndpointID, now time.Time, limit int) ([]Delivery, error)
	// Waiting returns the time of the next try of those users that have events waiting.
	Waiting(ctx context.Context, id billing.EndpointID, users ...billing.UserID) (map[billing.UserID]time.Time, error)
	// CountFailing returns the number of events that were tried.
	CountFailing(ctx context.Context, id billing.EndpointID) (int, error)
	// Put stores events, or their new state. All events of a viewer get the next try of the
	// last one given.
	Put(ctx context.Context, id billing.EndpointID, d ...Delivery) error
	// Remove removes delivered events.
	Remove(ctx context.Context, id billing.EndpointID, d ...Delivery) error
	// RetryAll makes all events due at now, if their next try is later.
	RetryAll(ctx context.Context, id billing.EndpointID, now time.Time) error
}

// WebhookSender sends webhooks. It never follows a redirect and never returns the body of a
// response.
type WebhookSender interface {
	// Send sends a webhook once and returns the reaction.
	Send(ctx context.Context, w Webhook) billing.WebhookResponse
}

// Webhook is a signed request to an endpoint.
type Webhook struct {
	URL     string
	ID      string // the same for each try
	At      time.Time
	Body    []byte
	Secrets []billing.WebhookSecret
}
