package operators

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Endpoints manages the receivers of webhooks for one operator. Each change is audited in
// its own transaction, without secrets. A method that changes something returns
// [ErrForbidden] unless the operator is an editor, and [billing.ErrEndpointNotFound] if no
// endpoint has the id.
type Endpoints struct {
	Store ports.Store
	Clock ports.Clock      // of billing
	Wall  func() time.Time // for secrets
	NewID func() string
	// Random returns random bytes for a new secret. It may be nil if none is made.
	Random    func(n int) []byte
	AllowHTTP bool     // http URLs too, for development
	By        Operator // required for changes
}

// secretSize is the number of bytes of a new secret.
const secretSize = 32

// For returns the same use cases for another operator.
func (c Endpoints) For(by Operator) Endpoints {
	c.By = by
	return c
}

// List returns all endpoints, oldest first.
func (c Endpoints) List(ctx context.Context) ([]ports.EndpointView, error) {
	if err := c.By.mayRead(); err != nil {
		return nil, err
	}
	return c.Store.Views().Endpoints(ctx)
}

// Find returns the endpoint with this id.
func (c Endpoints) Find(ctx context.Context, id billing.EndpointID) (billing.Endpoint, error) {
	if err := c.By.mayRead(); err != nil {
		return billing.Endpoint{}, err
	}
	return ports.InTx(ctx, c.Store, func(tx ports.Repos) (billing.Endpoint, error) { return tx.Endpoints.Lock(ctx, id) })
}

// Add adds an endpoint, which receives events from now on, and returns it with its secret.
// It returns [billing.ErrInvalid] with all invalid fields.
func (c Endpoints) Add(ctx context.Context, address string, types ...billing.EventType) (billing.Endpoint, billing.WebhookSecret, error) {
	e := billing.Endpoint{ID: billing.EndpointID(c.NewID()), URL: address, Types: types, AddedAt: c.Clock.Now()}
	if err := cmp.Or(c.By.mayEdit(), c.check(e)); err != nil {
		return billing.Endpoint{}, billing.WebhookSecret{}, err
	}
	s, err := c.newSecret()
	if err != nil {
		return billing.Endpoint{}, billing.WebhookSecret{}, err
	}
	err = c.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.Endpoints.Add(ctx, e, s); err != nil {
			return err
		}
		return c.audit(ctx, tx, EndpointAdded, e, nil, endpointFacts(e))
	})
	return e, s.Secret, wrap(err, "add endpoint %s", string(e.ID))
}

func (c Endpoints) newSecret() (ports.EndpointSecret, error) {
	secret, err := billing.NewWebhookSecret(c.Random(secretSize))
	return ports.EndpointSecret{ID: c.NewID(), Secret: secret, AddedAt: c.Wall()}, err
}

// maxURL is the longest URL of an endpoint, and maxTypes the largest number of its types.
const maxURL, maxTypes = 2000, 100

// check returns a [billing.InvalidError] with all invalid fields of a new endpoint. The
// address behind the name is checked at each request, because it may change.
func (c Endpoints) check(e billing.Endpoint) error {
	var faults []billing.Fault
	refuse := func(ok bool, field, message string) {
		if !ok {
			faults = append(faults, billing.Fault{Field: field, Message: message})
		}
	}
	u, err := url.Parse(e.URL)
	schemes, allowed := []string{"https"}, "https"
	if c.AllowHTTP {
		schemes, allowed = append(schemes, "http"), "http or https"
	}
	ok := err == nil && len(e.URL) <= maxURL && slices.Contains(schemes, u.Scheme) && u.Hostname() != "" && u.User == nil && u.Fragment == ""
	refuse(ok, "url", "must be an "+allowed+" URL of at most 2,000 characters, without a user name, a password and a fragment")
	refuse(len(e.Types) <= maxTypes && !slices.ContainsFunc(e.Types, func(t billing.EventType) bool {
		return t == "" || strings.ContainsFunc(string(t), func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') })
	}), "type", "must be the type of an event, such as renewed")
	if len(faults) > 0 {
		return &billing.InvalidError{Faults: faults}
	}
	return nil
}

// Rotate adds a new secret and returns it. The replaced one signs for
// [billing.WebhookSecretOverlap] too.
func (c Endpoints) Rotate(ctx context.Context, id billing.EndpointID) (s billing.WebhookSecret, until time.Time, err error) {
	if err := c.By.mayEdit(); err != nil {
		return s, until, err
	}
	fresh, err := c.newSecret()
	if err != nil {
		return s, until, err
	}
	until = c.Wall().Add(billing.WebhookSecretOverlap)
	_, err = c.change(ctx, id, EndpointRotated, func(tx ports.Repos, e billing.Endpoint) (billing.Endpoint, ports.Facts, error) {
		return e, ports.Facts{"old_secret_until": timeFact(until)}, tx.Endpoints.AddSecret(ctx, id, fresh, until)
	})
	return fresh.Secret, until, err
}

// Disable stops the delivery to an endpoint. Its events wait.
func (c Endpoints) Disable(ctx context.Context, id billing.EndpointID) (billing.Endpoint, error) {
	return c.change(ctx, id, EndpointDisabled, func(_ ports.Repos, e billing.Endpoint) (billing.Endpoint, ports.Facts, error) {
		return e.Disable(c.Clock.Now()), nil, nil
	})
}

// Enable continues the delivery to an endpoint where it stopped.
func (c Endpoints) Enable(ctx context.Context, id billing.EndpointID) (billing.Endpoint, error) {
	return c.change(ctx, id, EndpointEnabled, func(_ ports.Repos, e billing.Endpoint) (billing.Endpoint, ports.Facts, error) {
		return e.Enable(), nil, nil
	})
}

// Replay delivers all events again that were recorded at or after a time. It returns
// [billing.ErrInvalid] for a time in the future.
func (c Endpoints) Replay(ctx context.Context, id billing.EndpointID, from time.Time) (billing.Endpoint, error) {
	if from.After(c.Clock.Now()) {
		return billing.Endpoint{}, invalid("from", "must not be in the future")
	}
	return c.change(ctx, id, EndpointReplayed, func(_ ports.Repos, e billing.Endpoint) (billing.Endpoint, ports.Facts, error) {
		return e.Replay(from), ports.Facts{"from": timeFact(from)}, nil
	})
}

// Resend delivers events of a viewer again, and returns their number. An event is empty for
// all events that were recorded at or after since.
func (c Endpoints) Resend(ctx context.Context, id billing.EndpointID, user billing.UserID, event billing.EventID, since time.Time) (n int, err error) {
	_, err = c.change(ctx, id, EndpointReplayed, func(tx ports.Repos, e billing.Endpoint) (billing.Endpoint, ports.Facts, error) {
		n, err = tx.Endpoints.Resend(ctx, id, ports.Resend{User: user, Event: event, Since: since, Now: c.Clock.Now()})
		return e, ports.Facts{"user": string(user), "event": string(event), "from": timeFact(since)}, err
	})
	return n, err
}

// Test requests a test of an endpoint, which billing-api sends. The result is in TestedAt
// and TestStatus of the endpoint, as soon as TestAskedAt is zero.
func (c Endpoints) Test(ctx context.Context, id billing.EndpointID) (billing.Endpoint, error) {
	return c.change(ctx, id, EndpointTested, func(_ ports.Repos, e billing.Endpoint) (billing.Endpoint, ports.Facts, error) {
		return e.AskForTest(c.Clock.Now()), nil, nil
	})
}

// change changes a locked endpoint. The audit gets the facts too.
func (c Endpoints) change(ctx context.Context, id billing.EndpointID, action string,
	f func(ports.Repos, billing.Endpoint) (billing.Endpoint, ports.Facts, error),
) (changed billing.Endpoint, err error) {
	if err := c.By.mayEdit(); err != nil {
		return changed, err
	}
	err = c.Store.InTx(ctx, func(tx ports.Repos) error {
		before, err := tx.Endpoints.Lock(ctx, id)
		if err != nil {
			return err
		}
		var facts ports.Facts
		if changed, facts, err = f(tx, before); err != nil {
			return err
		}
		if err := tx.Endpoints.Save(ctx, changed); err != nil {
			return err
		}
		after := endpointFacts(changed)
		maps.Copy(after, facts)
		return c.audit(ctx, tx, action, changed, endpointFacts(before), after)
	})
	return changed, wrap(err, "change endpoint %s", string(id))
}

func (c Endpoints) audit(ctx context.Context, tx ports.Repos, action string, e billing.Endpoint, before, after ports.Facts) error {
	return c.By.audit(ctx, tx, c.NewID(), c.Clock.Now(), change{action, string(e.ID), before, after})
}

func endpointFacts(e billing.Endpoint) ports.Facts {
	types := make([]string, len(e.Types))
	for i, t := range e.Types {
		types[i] = string(t)
	}
	return ports.Facts{"url": e.URL, "types": strings.Join(types, ", "), "disabled_at": timeFact(e.DisabledAt)}
}
