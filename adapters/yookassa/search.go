package yookassa

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/online-cinema/billing/core/ports"
)

// parts is the number of parts of a window that a search reads at once. A run creates
// thousands of payments in a window, and a lookup has only seconds.
const parts = 8

// search is a lookup without a reference.
type search struct {
	ports.ChargeQuery
	deadline time.Time // of its caller
}

// found is the result of a search. Its error is [ports.ErrChargeNotFound] if the payment
// is not in the window.
type found struct {
	payment payment
	err     error
}

// search searches the payments that were created in the window of the query. Searches that
// wait at the same time are run together, because a sweep looks up many payments of the
// same run. Each search begins after its call.
func (y *YooKassa) search(ctx context.Context, q ports.ChargeQuery) (payment, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	done := make(chan found, 1)
	go func() {
		f, err := y.searches.Do(search{q, deadline}, y.searchAll)
		if err != nil {
			f.err = err
		}
		done <- f
	}()
	select {
	case <-ctx.Done():
		return payment{}, ctx.Err()
	case f := <-done:
		return f.payment, f.err
	}
}

// searchAll runs the searches until the last of their deadlines. An error affects only the
// searches whose window could not be read.
func (y *YooKassa) searchAll(all []search) ([]found, error) {
	var latest time.Time
	for _, s := range all {
		if s.deadline.After(latest) {
			latest = s.deadline
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), latest)
	defer cancel()
	results := make([]found, len(all))
	for _, w := range windowsOf(all) {
		wanted := make(map[string]bool, len(w.searches))
		for _, i := range w.searches {
			wanted[string(all[i].Key)] = true
		}
		payments, err := y.read(ctx, w, wanted)
		if err == nil {
			err = ports.ErrChargeNotFound
		}
		for _, i := range w.searches {
			if p, ok := payments[string(all[i].Key)]; ok {
				results[i].payment = p
			} else {
				results[i].err = err
			}
		}
	}
	return results, nil
}

// read returns the wanted payments of a window by payment id. It reads the parts of the
// window at the same time. After an error other payments may exist.
//
// A payment id occurs twice if YooKassa had forgotten its key. A successful payment counts
// then, and otherwise the newest.
func (y *YooKassa) read(ctx context.Context, w window, wanted map[string]bool) (map[string]payment, error) {
	filters := w.filters()
	lists := make([][]payment, len(filters))
	var g errgroup.Group
	for i, filter := range filters {
		g.Go(func() error {
			for p, err := range y.payments(ctx, filter) {
				if err != nil {
					return err
				}
				if wanted[p.Metadata.PaymentID] {
					lists[i] = append(lists[i], p)
				}
			}
			return nil
		})
	}
	err := g.Wait()
	payments := make(map[string]payment)
	for _, list := range lists { // the newest first
		for _, p := range list {
			if _, known := payments[p.Metadata.PaymentID]; !known || p.Status == statusSucceeded {
				payments[p.Metadata.PaymentID] = p
			}
		}
	}
	return payments, err
}
