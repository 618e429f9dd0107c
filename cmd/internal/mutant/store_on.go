//go:build mutant

package mutant

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// storeBugs are mistakes in the handling of failed transactions.
var storeBugs = map[string]func(ports.Store) ports.Store{
	"refusal-is-outage": func(s ports.Store) ports.Store { return refusalIsOutage{s} },
}

// refusalIsOutage treats a transaction that the database refuses as if the database
// were unavailable, so that a whole batch waits for one item.
type refusalIsOutage struct{ ports.Store }

func (s refusalIsOutage) InTx(ctx context.Context, f func(ports.Repos) error) error {
	err := s.Store.InTx(ctx, f)
	if refusal := (*billing.Error)(nil); ports.ItemFault(err) && !errors.As(err, &refusal) {
		return fmt.Errorf("%w: %w", billing.ErrUnavailable, err)
	}
	return err
}
