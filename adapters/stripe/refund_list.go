package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refundsAtOnce bounds the refunds of one response. Each has its PaymentIntent with it, and
// a response may have 1 MiB.
const refundsAtOnce = "20"

// Refunds implements [ports.Refunder]. Times have whole seconds. It leaves out refunds of
// payments that have no key of ours, because other programs may use the account too.
//
// PaymentRef is always a PaymentIntent, but a payment that was settled by hand may be
// stored with its page. Payment matches in that case.
func (s *Stripe) Refunds(ctx context.Context, from time.Time, each func(ports.RefundEntry) error) error {
	query := between(from, time.Time{})
	query.Set("expand[]", "data.payment_intent")
	query.Set("limit", refundsAtOnce)
	err := s.list(ctx, refundsPath, query, func(item json.RawMessage) (bool, error) {
		var r refund
		if json.Unmarshal(item, &r) != nil {
			return false, errItem
		}
		e, ours, err := r.entry()
		if err != nil || !ours {
			return false, err
		}
		return false, each(e)
	})
	if err != nil {
		return fmt.Errorf("stripe: read the refunds: %w", err)
	}
	return nil
}

// refundEventTypes returns the types of events after which a refund may have changed. The
// webhook endpoint must send those that begin with refund. The others are of older
// endpoints.
func refundEventTypes() []string {
	return []string{chargeRefunded, "charge.refund.updated", "refund.created", "refund.failed", "refund.updated"}
}

// chargeRefunded is an event about a charge. Some versions of the API put the newest
// refunds into the charge.
const chargeRefunded = "charge.refunded"

// readRefundEvent returns the refund of a genuine event. A refund that a person made in the
// Dashboard has no key of ours.
func readRefundEvent(e event, body []byte) (ports.Notice, error) {
	about := e.Data.Object
	if e.Type == chargeRefunded {
		var charge struct {
			Data struct {
				Object struct {
					Refunds struct{ Data []object }
				}
			}
		}
		if json.Unmarshal(body, &charge) != nil || len(charge.Data.Object.Refunds.Data) == 0 {
			return ports.Notice{}, ports.ErrIrrelevant
		}
		about = charge.Data.Object.Refunds.Data[0]
	}
	if !isID(about.ID) {
		return ports.Notice{}, ports.ErrIrrelevant
	}
	return ports.Notice{Refund: billing.RefundID(about.Metadata[metaRefund]), RefundRef: about.ID}, nil
}
