package yookassa

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// pageSize is the largest number of objects that a list returns at once.
const pageSize = "100"

// timestamp returns a time as the API writes it, cut to milliseconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

var errSameCursor = errors.New("the list does not advance")

// payments returns all payments of a filter, the newest first. An error ends them.
func (y *YooKassa) payments(ctx context.Context, filter url.Values) iter.Seq2[payment, error] {
	return items[payment](ctx, y, "/payments", filter)
}

// items returns all objects of a list, the newest first. An error ends them.
func items[T any](ctx context.Context, y *YooKassa, path string, filter url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		filter.Set("limit", pageSize)
		for {
			var page struct {
				Items      []T    `json:"items"`
				NextCursor string `json:"next_cursor"`
			}
			err := y.get(ctx, path+"?"+filter.Encode(), &page)
			if err == nil && page.Items == nil {
				err = errors.New("the response is not a list")
			}
			if err == nil && page.NextCursor != "" && page.NextCursor == filter.Get("cursor") {
				err = errSameCursor
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == "" {
				return
			}
			filter.Set("cursor", page.NextCursor)
		}
	}
}

// Charges calls each for every successful payment of the service in this shop, by the time
// of its capture. It skips payments of other programs, which do not have a payment id of
// the service. Times have milliseconds. YooKassa lists the payments of three years.
// See [ports.Ledger].
func (y *YooKassa) Charges(ctx context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	for p, err := range y.payments(ctx, capturedIn(from, to)) {
		if err == nil {
			err = p.enter(from, to, each)
		}
		if err != nil {
			return fmt.Errorf("yookassa: read the ledger: %w", err)
		}
	}
	return nil
}

// capturedIn returns the filter of the payments that were captured in a window. It is up
// to a millisecond wider, because the API has no smaller units.
func capturedIn(from, to time.Time) url.Values {
	if !to.IsZero() {
		to = to.Add(time.Millisecond)
	}
	f := filter("captured_at.gte", from, "captured_at.lt", to)
	f.Set("status", statusSucceeded)
	return f
}

// enter calls each for the payment if it belongs to the service and to the window.
func (p payment) enter(from, to time.Time, each func(ports.LedgerEntry) error) error {
	at := p.CapturedAt.UTC()
	if !billing.IsID(p.Metadata.PaymentID) || at.Before(from) || !to.IsZero() && !at.Before(to) {
		return nil
	}
	if p.Status != statusSucceeded || p.CapturedAt.IsZero() {
		return fmt.Errorf("the list has a payment that was not captured, with status %s", word(p.Status))
	}
	taken, err := p.Amount.money()
	if err != nil {
		return err
	}
	return each(ports.LedgerEntry{Key: billing.PaymentID(p.Metadata.PaymentID), Amount: taken, At: at})
}
