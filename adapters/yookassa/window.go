package yookassa

import (
	"net/url"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// clockSkew bounds the difference between the clocks of YooKassa and of the store. The
// clock of the adapter does not matter here.
const clockSkew = time.Minute

// window is a time in which payments were created. Both ends are included. A zero time is
// no limit.
type window struct {
	from, until time.Time
	searches    []int // the indices of the searches for it
}

// windowOf returns the window of a query. A request may arrive up to settling after the
// send window.
func windowOf(q ports.ChargeQuery) (w window) {
	if !q.SentFrom.IsZero() {
		w.from = q.SentFrom.Add(-clockSkew)
	}
	if !q.SentUntil.IsZero() {
		w.until = q.SentUntil.Add(settling)
	}
	return w
}

// windowsOf returns the windows of the searches, and merges windows that overlap.
func windowsOf(all []search) []window {
	each := make([]window, len(all))
	for i, s := range all {
		each[i] = windowOf(s.ChargeQuery)
		each[i].searches = []int{i}
	}
	slices.SortStableFunc(each, func(a, b window) int { return a.from.Compare(b.from) })
	var merged []window
	for _, w := range each {
		last := len(merged) - 1
		if last < 0 || merged[last].endsBefore(w.from) {
			merged = append(merged, w)
			continue
		}
		merged[last].searches = append(merged[last].searches, w.searches...)
		if w.until.IsZero() || merged[last].endsBefore(w.until) {
			merged[last].until = w.until
		}
	}
	return merged
}

func (w window) endsBefore(t time.Time) bool { return !w.until.IsZero() && w.until.Before(t) }

// filters returns the filters of the parts of the window, the newest first. Parts do not
// overlap.
func (w window) filters() []url.Values {
	if w.from.IsZero() || w.until.IsZero() {
		return []url.Values{filter("created_at.gte", w.from, "created_at.lte", w.until)}
	}
	filters := []url.Values{filter("created_at.gte", w.start(parts-1), "created_at.lte", w.until)}
	for part := parts - 2; part >= 0; part-- {
		filters = append(filters, filter("created_at.gte", w.start(part), "created_at.lt", w.start(part+1)))
	}
	return filters
}

// start returns the start of a part.
func (w window) start(part int) time.Time {
	return w.from.Add(w.until.Sub(w.from) / parts * time.Duration(part))
}

// filter returns a filter with two limits. A zero time is no limit.
func filter(first string, from time.Time, last string, until time.Time) url.Values {
	f := url.Values{}
	if !from.IsZero() {
		f.Set(first, timestamp(from))
	}
	if !until.IsZero() {
		f.Set(last, timestamp(until))
	}
	return f
}
