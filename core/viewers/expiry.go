package viewers

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Expiry erases personal data that has been kept for long enough. Several processes may do
// that at the same time. It is not safe for concurrent use.
type Expiry struct {
	Store ports.Store
	Clock ports.Clock
	Keep  billing.KeepingTimes

	after billing.UserID // the next page begins after this user
}

// expiryPage is the number of users, and of notes, that one step looks at.
const expiryPage = 1000

// Step looks at the next page of users, and after the last one begins again. It changes
// nothing if everything is kept for ever.
func (x *Expiry) Step(ctx context.Context) (ports.Expired, error) {
	if x.Keep == (billing.KeepingTimes{}) {
		return ports.Expired{}, nil
	}
	q := ports.ExpiryQuery{Keep: x.Keep, Now: x.Clock.Now(), After: x.after, Limit: expiryPage}
	expired, err := ports.InTx(ctx, x.Store, func(tx ports.Repos) (ports.Expired, error) { return tx.PersonalData.Expire(ctx, q) })
	if err != nil {
		return ports.Expired{}, fmt.Errorf("erase expired personal data: %w", err)
	}
	x.after = expired.Last
	if expired.Users < expiryPage {
		x.after = ""
	}
	return expired, nil
}
