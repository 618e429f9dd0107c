package billing

import "time"

// EndpointID identifies an endpoint.
type EndpointID string

// Endpoint is an address that receives the events of all viewers as webhooks. Its times are
// on the billing clock.
type Endpoint struct {
	ID         EndpointID
	URL        string
	Types      []EventType // that it receives; empty for all
	AddedAt    time.Time
	DisabledAt time.Time // zero while it is enabled

	Tries        int       // failed in a row while the endpoint is down; 0 if it is not
	NextTryAt    time.Time // while it is down; zero for at once
	FailingSince time.Time // since when it is down; zero if it is not
	LastTryAt    time.Time
	LastStatus   string // of the last response, see [WebhookResponse.String]; empty for none

	ReplayFrom time.Time // the delivery begins again at this time; zero for no such request

	TestAskedAt time.Time // a test is requested; zero for none
	TestedAt    time.Time // the last test was sent; zero for none
	TestStatus  string    // of its response
}

// Disable stops the delivery. The events wait.
func (e Endpoint) Disable(at time.Time) Endpoint {
	if e.DisabledAt.IsZero() {
		e.DisabledAt = at
	}
	return e
}

// Enable continues the delivery at once, at the event at which it stopped.
func (e Endpoint) Enable() Endpoint {
	e.DisabledAt, e.NextTryAt = time.Time{}, time.Time{}
	return e
}

// Replay requests that all events that were recorded at or after a time are delivered again.
func (e Endpoint) Replay(from time.Time) Endpoint {
	e.ReplayFrom, e.NextTryAt = from, time.Time{}
	return e
}

// AskForTest requests a test.
func (e Endpoint) AskForTest(at time.Time) Endpoint {
	e.TestAskedAt = at
	return e
}

// Tested records the response to a test. A success ends the wait of an endpoint that is
// down.
func (e Endpoint) Tested(r WebhookResponse, at time.Time) Endpoint {
	e.TestAskedAt, e.TestedAt, e.TestStatus = time.Time{}, at, r.String()
	if r.Result() == WebhookDelivered {
		e.NextTryAt = time.Time{}
	}
	return e
}

// Up records that the endpoint takes events.
func (e Endpoint) Up() Endpoint {
	e.Tries, e.NextTryAt, e.FailingSince = 0, time.Time{}, time.Time{}
	return e
}

// Down records a response after which the endpoint takes no events for a while. some says
// that it has taken others since the last try, so the schedule begins again. jitter is
// that of [WebhookDelay].
func (e Endpoint) Down(r WebhookResponse, some bool, at time.Time, jitter float64) Endpoint {
	if some {
		e = e.Up()
	}
	e.Tries++
	e.NextTryAt = at.Add(max(WebhookDelay(e.Tries, jitter), r.RetryAfter))
	if e.FailingSince.IsZero() {
		e.FailingSince = at
	}
	return e
}
