package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
)

// dueCounts counts the due subscriptions of each hour. A count reads an index of all
// live subscriptions, which takes a third of a second per million: too long for
// each page. Once counting is slow, the counts are therefore cached. The slower the
// count, the longer the cache is used. It is refreshed in the background while
// pages show the previous counts.
type dueCounts struct {
	q *dbgen.Queries

	mu       sync.Mutex
	counts   []*dbgen.PanelViewDueRow
	until    time.Time // upper bound of the counts
	at       time.Time // of the count
	took     time.Duration
	counting bool // a refresh is running
}

const (
	slowDueCount  = 50 * time.Millisecond // a count that took longer is cached
	dueCacheRatio = 150                   // the cache is refreshed after so many times the duration of the count
	maxDueAge     = 5 * time.Minute       // older counts are not shown
)

func (v panelViews) Due(ctx context.Context, bounds []time.Time) ([]int, error) {
	rows, err := v.due.upTo(ctx, bounds[len(bounds)-1])
	counts := make([]int, len(bounds)-1)
	for _, row := range rows {
		// An hour belongs to the day of its end: see [ports.Figure].
		i, exact := slices.BinarySearchFunc(bounds, row.Hour.Add(time.Hour-1), time.Time.Compare)
		if !exact {
			i--
		}
		if i < len(counts) {
			counts[max(0, i)] += int(row.N)
		}
	}
	return counts, err
}

// upTo returns the counts up to a time, from the cache if it is recent enough.
func (d *dueCounts) upTo(ctx context.Context, until time.Time) ([]*dbgen.PanelViewDueRow, error) {
	d.mu.Lock()
	counts, age := d.counts, time.Since(d.at)
	cached := d.took > slowDueCount && age < maxDueAge && !until.After(d.until)
	if cached && age > dueCacheRatio*d.took && !d.counting {
		d.counting = true
		go d.refresh(context.WithoutCancel(ctx), until)
	}
	d.mu.Unlock()
	if cached {
		return counts, nil
	}
	return d.count(ctx, until)
}

func (d *dueCounts) refresh(ctx context.Context, until time.Time) {
	_, _ = d.count(ctx, until) // after an error the counts grow too old, and upTo returns the next error
	d.mu.Lock()
	d.counting = false
	d.mu.Unlock()
}

func (d *dueCounts) count(ctx context.Context, until time.Time) ([]*dbgen.PanelViewDueRow, error) {
	began := time.Now()
	rows, err := queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelViewDueRow, error) {
		return d.q.PanelViewDue(ctx, until)
	}, func(row *dbgen.PanelViewDueRow) *dbgen.PanelViewDueRow { return row })
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts, d.until, d.at, d.took = rows, until, time.Now(), time.Since(began)
	return rows, nil
}
