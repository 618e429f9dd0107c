package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// lease holds the leases of a payment, a refund or a save, on the wall clock: see
// [ports.PaymentLeases].
type lease struct {
	firstSent time.Time // no process sent it earlier; zero if none has sent it
	sendUntil time.Time // until then one process may send it
	sweepAt   time.Time // until then sweeps skip it
}

// newLease returns the leases of an item that one process may send from now on.
func newLease(now time.Time, send time.Duration) lease {
	return lease{firstSent: now, sendUntil: now.Add(send), sweepAt: now.Add(send)}
}

// times are those of a lookup that begins now.
func (l lease) times(now time.Time) billing.SendTimes {
	return billing.SendTimes{First: l.firstSent, Until: l.sendUntil, Lookup: now}
}

// swept returns the leases after a sweep has leased the item.
func (l lease) swept(now time.Time, i billing.LookupInterval) lease {
	l.sweepAt = now.Add(i.After(now.Sub(l.sendUntil)))
	return l
}

// mayBeSent reports whether the send window that a lookup observed is the last one, and
// over.
func (l lease) mayBeSent(now, observed time.Time) bool {
	return l.sendUntil.Equal(observed) && !l.sendUntil.After(now)
}

// sent returns the leases after a process was given the right to send the item.
func (l lease) sent(now time.Time, send time.Duration) lease {
	again := newLease(now, send)
	if !l.firstSent.IsZero() {
		again.firstSent = l.firstSent
	}
	return again
}

// unsent returns the leases after a process has definitely not sent the item. never says
// that no process has.
func (l lease) unsent(now time.Time, never bool) lease {
	l.sendUntil = now
	if never {
		l.firstSent = time.Time{}
	}
	return l
}

// arrived returns the items whose time has come, the earliest first. at returns the time of
// an item, or false if it has none.
func arrived[ID ~string, T any](items map[ID]T, now time.Time, at func(T) (time.Time, bool)) []T {
	var due []T
	for _, id := range slices.Sorted(maps.Keys(items)) {
		if t, ok := at(items[id]); ok && !t.After(now) {
			due = append(due, items[id])
		}
	}
	slices.SortStableFunc(due, func(a, b T) int {
		first, _ := at(a)
		second, _ := at(b)
		return first.Compare(second)
	})
	return due
}

// systemsOf returns the payment systems of items, each once.
func systemsOf[T any](items []T, system func(T) string) []string {
	codes := make(map[string]bool)
	for _, one := range items {
		codes[system(one)] = true
	}
	return slices.Collect(maps.Keys(codes))
}
