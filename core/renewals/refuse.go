package renewals

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// refusal is a due subscription that is not charged, because nothing proves that the
// viewer agreed to its terms. It stays as it is and due, so that each run reports it
// until a person has restored the terms.
type refusal struct {
	*billing.Subscription
	finding payments.ConsentFinding
}

// checkConsent verifies the consent to the charge of a subscription, for a run and for
// a plan.
func (r *Renewer) checkConsent(d *ports.Due, billed bool) payments.ConsentFinding {
	if !billed {
		return ""
	}
	return r.Collector.Consents.Check(&d.Subscription)
}

// maxRefused is the number of refused subscriptions after which a run claims no more.
// Then the keys are wrong rather than the subscriptions.
const maxRefused = 200

// refuse counts and reports refused subscriptions, each once per run.
func (p *pipeline) refuse(ctx context.Context, list []refusal) {
	for _, r := range list {
		if !p.skipped.add(r.ID) {
			continue
		}
		p.refused.Add(1)
		p.allowance.giveBack(1)
		p.stats.add(ports.Summary{Due: 1, Failed: 1})
		p.collector.Consents.Found(r.finding, 1)
		p.Log.ErrorContext(ctx, "a subscription was not charged, because nothing proves that the viewer agreed to its terms",
			"subscription_id", r.ID, "user_id", r.UserID, "consent", r.finding)
	}
}
