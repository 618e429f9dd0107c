package payments

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// CollectCard is [Collector.Collect] for a viewer's payment with a kept card. Its
// number is opened for this one call and wiped with the CVV after it, so that the
// charge cannot be sent again: when its answer is lost, it is found or given up.
func (c *Collector) CollectCard(ctx context.Context, i Intent, kept billing.Card, cvv billing.CVV) (Result, error) {
	return c.collected(ctx, c.chargeCard(ctx, i, kept, cvv))
}

func (c *Collector) chargeCard(ctx context.Context, i Intent, kept billing.Card, cvv billing.CVV) Verdict {
	defer cvv.Wipe()
	v := i.verdict()
	number, err := c.number(kept)
	if err != nil {
		v.err = fmt.Errorf("open card %s: %w: %w", kept.ID, err, ports.ErrNotSent)
		c.judge(ctx, &v)
		return v
	}
	defer number.Wipe()
	c.charge(ctx, &v, ports.ChargeRequest{Card: &ports.Card{
		CardDetails: billing.CardDetails{
			Number: number, ExpMonth: kept.ExpMonth, ExpYear: kept.ExpYear, Holder: kept.Holder,
		},
		CVV: cvv,
	}})
	return v
}

// number takes a card's number out of the vault.
func (c *Collector) number(kept billing.Card) (billing.CardNumber, error) {
	if c.Vault == nil {
		return billing.CardNumber{}, ports.ErrNoVault
	}
	digits, err := c.Vault.Decrypt(ports.NumberPlace(kept), kept.Number)
	if err != nil {
		return billing.CardNumber{}, err
	}
	return billing.CardNumberFromDigits(digits), nil
}
