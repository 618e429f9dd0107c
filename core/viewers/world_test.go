package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

type world struct{ billingtest.World }

func newWorld(t *testing.T) world {
	t.Helper()
	return world{billingtest.NewWorld(t)}
}

// process adds the requests of the API, which have an Idempotency-Key.
type process struct{ billingtest.Process }

func (w world) Process() process { return process{w.World.Process()} }

func (w world) ProcessOver(s ports.Store, p ports.Provider) process {
	return process{w.World.ProcessOver(s, p)}
}

// newRequest returns a request with an owner of its own. All requests that it
// returns have the same key.
func (w world) newRequest() ports.KeyedRequest {
	return ports.KeyedRequest{User: billingtest.Viewer, Key: "key", Fingerprint: [32]byte{1}, Owner: w.NewID()}
}

// respond replays the stored response, or calls do and stores the response.
func (p process) respond(ctx context.Context, r ports.KeyedRequest, do func(*ports.KeyedRequest) (ports.SubscriptionView, error)) (ports.Response, error) {
	stored, work, err := p.Replay(ctx, r)
	switch {
	case err != nil:
		return ports.Response{}, err
	case stored != nil:
		return *stored, nil
	case work != nil:
		return p.Keep(ctx, work.Claim, responseOf(work.View))
	}
	v, err := do(&r)
	var declined *billing.DeclinedError
	switch {
	case err == nil:
		return p.Keep(ctx, r, responseOf(v))
	case errors.As(err, &declined):
		return p.Keep(ctx, r, ports.Response{Status: 402, Body: []byte("ended")})
	case viewers.Settling(err) || errors.Is(err, billing.ErrRequestInProgress):
		return ports.Response{}, err
	default:
		return ports.Response{}, errors.Join(err, p.Forget(ctx, r))
	}
}

func respondTo(v ports.SubscriptionView) (ports.Response, error) { return responseOf(v), nil }

func responseOf(v ports.SubscriptionView) ports.Response {
	body := fmt.Appendf(nil, "%s %s %t", v.ID, v.Status, v.CancelAtPeriodEnd)
	switch v.Latest.Status {
	case billing.PaymentDeclined:
		return ports.Response{Status: 402, Body: []byte("ended")}
	case billing.PaymentPending:
		return ports.Response{Status: 202, Body: body}
	default:
		return ports.Response{Status: 200, Body: body}
	}
}

func (p process) subscribeKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.respond(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		cmd := billingtest.SubscribeBasic()
		cmd.Request = r
		return p.Subscribe(ctx, cmd)
	})
}

func (p process) cancelKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.respond(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		return p.Cancel(ctx, viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd, Request: r, Respond: respondTo})
	})
}

func (p process) resumeKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.respond(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		return p.Resume(ctx, viewers.Resume{User: billingtest.Viewer, Ref: "basic", Request: r, Respond: respondTo})
	})
}

// expectNothingStored expects no subscription, payment, event or charge.
func (w world) expectNothingStored() {
	w.T.Helper()
	if subs, pays := w.Subscriptions(), w.Payments(); len(subs)+len(pays) > 0 {
		w.T.Errorf("stored: %+v, %+v", subs, pays)
	}
	if events, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 10}); err != nil || len(events) > 0 {
		w.T.Errorf("the history is %v, %v, want none", events, err)
	}
	w.ExpectCharges(0)
}

// attempt is the first attempt to charge a payment that another process stored.
func attempt(c *payments.Collector, p billing.Payment) payments.Attempt {
	return payments.Attempt{Payment: &p, Deadline: c.SendDeadline()}
}
