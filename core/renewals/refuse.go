package renewals

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Obstacle is the reason why a due subscription is not charged, although its viewer
// wants to pay. The subscription stays as it is and due, so that each run reports it
// until the obstacle is gone. The empty Obstacle means that there is none.
type Obstacle string

// The obstacles.
const (
	NoConsent       Obstacle = "no_consent"       // nothing proves that the viewer agreed to the terms
	TokenUnreadable Obstacle = "token_unreadable" // the stored payment token cannot be decrypted
	NoNotice        Obstacle = "no_notice"        // the required notice is missing or not old enough; only this obstacle needs no person
)

// refusal is a due subscription that is not charged.
type refusal struct {
	*billing.Subscription
	obstacle Obstacle
	finding  payments.ConsentFinding // if the obstacle is NoConsent
}

// obstacle returns the obstacle to the charge of a subscription, for a run and for a
// plan, and the fault of the consent, which may be none that forbids the charge.
func (r *Renewer) obstacle(d *ports.Due, billed bool) (Obstacle, payments.ConsentFinding) {
	if !billed {
		return "", ""
	}
	finding := r.Collector.Consents.Check(&d.Subscription)
	switch {
	case finding.Refused():
		return NoConsent, finding
	case d.Method.Unreadable:
		return TokenUnreadable, finding
	default:
		return "", finding
	}
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
		log := p.Log.With("subscription_id", r.ID, "user_id", r.UserID)
		if r.obstacle == TokenUnreadable {
			log.ErrorContext(ctx, "a subscription was not charged, because its payment token cannot be decrypted")
			continue
		}
		p.collector.Consents.Found(r.finding, 1)
		log.ErrorContext(ctx, "a subscription was not charged, because nothing proves that the viewer agreed to its terms", "consent", r.finding)
	}
}
