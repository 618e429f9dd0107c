package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var errItem = errors.New("an object of the list is not readable")

// ledgerCharge is a charge in Stripe's list of charges.
type ledgerCharge struct {
	Status   string            `json:"status"`
	Captured int64             `json:"amount_captured"`
	Currency string            `json:"currency"`
	Created  int64             `json:"created"`
	Metadata map[string]string `json:"metadata"`
}

// Charges implements [ports.Ledger]. Times have whole seconds. It leaves out charges that
// have no key of ours, because other programs may use the account too.
func (s *Stripe) Charges(ctx context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	err := s.list(ctx, "/v1/charges", between(from, to), func(item json.RawMessage) (bool, error) {
		var c ledgerCharge
		if json.Unmarshal(item, &c) != nil {
			return false, errItem
		}
		key := c.Metadata[metaPayment]
		if c.Status != succeeded || c.Captured == 0 || key == "" {
			return false, nil
		}
		amount, err := fromStripe(c.Captured, c.Currency)
		if err != nil {
			return false, err
		}
		return false, each(ports.LedgerEntry{Key: billing.PaymentID(key), Amount: amount, At: time.Unix(c.Created, 0).UTC()})
	})
	if err != nil {
		return fmt.Errorf("stripe: read the charges: %w", err)
	}
	return nil
}

// between returns the query for objects that were created at or after from and before to.
func between(from, to time.Time) url.Values {
	query := url.Values{}
	if !from.IsZero() {
		query.Set("created[gte]", seconds(from))
	}
	if !to.IsZero() {
		query.Set("created[lt]", seconds(to))
	}
	return query
}

// seconds returns the first whole second at or after t.
func seconds(t time.Time) string {
	return strconv.FormatInt(t.Add(time.Second-time.Nanosecond).Unix(), 10)
}
