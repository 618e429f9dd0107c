package stripe

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"

	"github.com/online-cinema/billing/core/ports"
)

// list calls each for the objects of a list, newest first, until each returns true or an
// error. It holds one page of the list in memory: 100 objects, unless the query has another
// limit.
func (s *Stripe) list(ctx context.Context, path string, query url.Values, each func(json.RawMessage) (done bool, err error)) error {
	query = maps.Clone(query)
	if !query.Has("limit") {
		query.Set("limit", "100")
	}
	for {
		var page struct {
			Data    []json.RawMessage `json:"data"`
			HasMore bool              `json:"has_more"`
		}
		if err := s.get(ctx, path, query, &page); err != nil {
			return err
		}
		for _, item := range page.Data {
			if done, err := each(item); done || err != nil {
				return err
			}
		}
		if !page.HasMore {
			return nil
		}
		last, err := lastID(page.Data)
		if err != nil {
			return err
		}
		query.Set("starting_after", last)
	}
}

func lastID(page []json.RawMessage) (string, error) {
	var last object
	if len(page) == 0 || json.Unmarshal(page[len(page)-1], &last) != nil || !isID(last.ID) {
		return "", errObject
	}
	return last.ID, nil
}

// find returns the first object of a list for which match holds, or
// [ports.ErrChargeNotFound].
func find[T any](ctx context.Context, s *Stripe, path string, query url.Values, match func(T) bool) (found T, err error) {
	ok := false
	err = s.list(ctx, path, query, func(item json.RawMessage) (bool, error) {
		var v T
		if json.Unmarshal(item, &v) != nil {
			return false, errItem
		}
		if ok = match(v); ok {
			found = v
		}
		return ok, nil
	})
	if err == nil && !ok {
		err = ports.ErrChargeNotFound
	}
	return found, err
}
