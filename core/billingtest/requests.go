package billingtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// answer does what the API does with a request that has an Idempotency-Key.
func (p Process) answer(ctx context.Context, r ports.KeyedRequest, do func(*ports.KeyedRequest) (ports.SubscriptionView, error)) (ports.Response, error) {
	kept, work, err := p.Replay(ctx, r)
	switch {
	case err != nil:
		return ports.Response{}, err
	case kept != nil:
		return *kept, nil
	case work != nil:
		return p.Keep(ctx, work.Claim, answerOf(work.View))
	}
	v, err := do(&r)
	var declined *billing.DeclinedError
	switch {
	case err == nil:
		return p.Keep(ctx, r, answerOf(v))
	case errors.As(err, &declined):
		return p.Keep(ctx, r, ports.Response{Status: 402, Body: []byte("ended")})
	case viewers.Settling(err) || errors.Is(err, billing.ErrRequestInProgress):
		return ports.Response{}, err
	default:
		return ports.Response{}, errors.Join(err, p.Forget(ctx, r))
	}
}

func answerOf(v ports.SubscriptionView) ports.Response {
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

func (p Process) SubscribeKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.answer(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		cmd := ToBasic()
		cmd.Request = r
		return p.Subscribe(ctx, cmd)
	})
}

func (p Process) CancelKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.answer(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		return p.Cancel(ctx, viewers.Cancel{User: Viewer, Ref: "basic", At: billing.AtPeriodEnd, Request: r})
	})
}

func (p Process) ResumeKeyed(ctx context.Context, r ports.KeyedRequest) (ports.Response, error) {
	return p.answer(ctx, r, func(r *ports.KeyedRequest) (ports.SubscriptionView, error) {
		return p.Resume(ctx, viewers.Resume{User: Viewer, Ref: "basic", Request: r})
	})
}

// request is a request with the same key as all others that it makes, but an
// owner of its own.
func (w World) Request() ports.KeyedRequest {
	return ports.KeyedRequest{User: Viewer, Key: "key", Fingerprint: [32]byte{1}, Owner: w.NewID()}
}
