package payments

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// CollectCard is [Collector.Collect] for a viewer's payment with a kept card. It
// decrypts the number for this one call and wipes it with the CVV. The charge
// cannot be sent again, so a lost response is looked up or the payment is
// abandoned.
func (c *Collector) CollectCard(ctx context.Context, a Attempt, kept billing.Card, cvv billing.CVV) (Result, error) {
	c.chargeCard(ctx, &a, kept, cvv)
	return c.collected(ctx, a)
}

func (c *Collector) chargeCard(ctx context.Context, a *Attempt, kept billing.Card, cvv billing.CVV) {
	defer cvv.Wipe()
	number, err := c.number(kept)
	if err != nil {
		a.err = fmt.Errorf("decrypt card %s: %w: %w", kept.ID, err, ports.ErrNotSent)
		c.classify(ctx, a)
		return
	}
	defer number.Wipe()
	c.charge(ctx, a, ports.ChargeRequest{Card: &ports.Card{
		CardDetails: billing.CardDetails{
			Number: number, ExpMonth: kept.ExpMonth, ExpYear: kept.ExpYear, Holder: kept.Holder,
		},
		CVV: cvv,
	}})
}

// number decrypts a card's number.
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
