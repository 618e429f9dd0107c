package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/online-cinema/billing/core/billing"
)

type grants struct{ *tx }

func (r grants) Add(_ context.Context, g billing.Grant) error {
	for _, other := range r.grants {
		if other.UserID == g.UserID && other.Source == g.Source {
			return r.abort(billing.ErrAlreadyGiven)
		}
	}
	r.grants[g.ID] = g
	return nil
}

func (r grants) Of(_ context.Context, user billing.UserID) ([]billing.Grant, error) {
	var list []billing.Grant
	for _, g := range r.grants {
		if g.UserID == user {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b billing.Grant) int {
		return cmp.Or(a.Period.Start.Compare(b.Period.Start), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
