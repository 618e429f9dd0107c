package operators

import (
	"cmp"
	"context"
	"time"
)

// scan searches a long list whose filter has no index. It reads stretches that grow, so that
// a page of frequent items reads few rows and a search for rare ones gets far. It stops when
// the page is full, at the end of the list, or after a time.
type scan[K comparable, T any] struct {
	limit int           // items on the page
	first int           // rows of the first stretch
	time  time.Duration // see [searchTimer]
	// bound returns the key that is n rows after another one, or the zero key if the list
	// ends before.
	bound func(ctx context.Context, from K, n int) (K, error)
	// read returns at most limit matching items after from, up to and including to. The
	// zero key of to is the end of the list.
	read func(ctx context.Context, from, to K, limit int) ([]T, error)
	key  func(T) K
}

const (
	firstStretch = 1000
	mostStretch  = 64_000
	stretchGrows = 4
)

// from returns a page of the items after a key. next is the key after which the next page
// begins, or zero at the end of the list. The page may be short although next is not zero.
func (s scan[K, T]) from(ctx context.Context, from K) (page []T, next K, err error) {
	var end K
	timer, stop := searchTimer(ctx, s.time)
	defer stop()
	for n := cmp.Or(s.first, firstStretch); ; n = min(n*stretchGrows, mostStretch) {
		to, err := s.bound(ctx, from, n-1)
		if err != nil {
			return nil, end, err
		}
		found, err := s.read(ctx, from, to, s.limit-len(page))
		if err != nil {
			return nil, end, err
		}
		page = append(page, found...)
		switch {
		case len(page) >= s.limit:
			return page, s.key(page[len(page)-1]), nil
		case to == end:
			return page, end, nil
		case timer.Err() != nil:
			return page, to, nil
		}
		from = to
	}
}

// searchTimer returns a context that ends after d, in real time: the billing clock may be
// set to any time, or stand still. The end of ctx does not end it, and it interrupts no
// query.
func searchTimer(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}
