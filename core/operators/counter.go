package operators

import (
	"maps"
	"slices"
	"time"
)

// counter counts failures and spaces attempts.
type counter struct {
	used     time.Time // last change
	failures int
	refused  time.Time // attempts are refused until then
	free     time.Time // start of the next attempt at a steady rate
}

const (
	counterLife = 2 * time.Hour // an unused counter starts again from zero; longer than any refusal
	maxCounters = 10_000
)

// current reports whether the counter was used recently.
func (c *counter) current(now time.Time) bool { return now.Sub(c.used) < counterLife }

func (c *counter) fail(now time.Time) { c.failures, c.used = c.failures+1, now }

// take reports whether an attempt keeps the rate: one per interval, after a burst.
// It counts the attempt if so.
func (c *counter) take(now time.Time, burst int, interval time.Duration) bool {
	if c.free.Sub(now) > time.Duration(burst-1)*interval {
		return false
	}
	c.free, c.used = latest(c.free, now).Add(interval), now
	return true
}

// counters holds at most maxCounters counters by key.
type counters map[string]*counter

// get returns the counter of a key. It is new if the old one is no longer current.
func (cs counters) get(key string, now time.Time) *counter {
	c := cs[key]
	if c == nil || !c.current(now) {
		cs.makeRoom(now)
		c = &counter{used: now}
		cs[key] = c
	}
	return c
}

// makeRoom deletes the counters that are not current, and then, if it is still
// full, the half that was not used for longest.
func (cs counters) makeRoom(now time.Time) {
	if len(cs) < maxCounters {
		return
	}
	maps.DeleteFunc(cs, func(_ string, c *counter) bool { return !c.current(now) })
	if len(cs) < maxCounters {
		return
	}
	used := make([]time.Time, 0, len(cs))
	for _, c := range cs {
		used = append(used, c.used)
	}
	slices.SortFunc(used, time.Time.Compare)
	median := used[len(used)/2]
	maps.DeleteFunc(cs, func(_ string, c *counter) bool { return !c.used.After(median) })
}
