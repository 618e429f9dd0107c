package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
)

// dueCounts counts what is due in each hour. That reads an index of all live
// subscriptions, which takes a third of a second for a million: too long for a
// page, and too much to do for each. So, once counting is slow, the counts are
// kept for a while, which is longer the longer they took, and are counted again
// while those of a while ago are shown.
type dueCounts struct {
	q *dbgen.Queries

	mu       sync.Mutex
	counts   []*dbgen.PanelViewDueRow
	until    time.Time // how far they go
	at       time.Time
	took     time.Duration
	counting bool
}

// Counting is slow from quickDue on. The counts are kept for so many times the
// time that they took, and are not shown when they are older than maxDueAge.
const (
	quickDue  = 50 * time.Millisecond
	dueRest   = 150
	maxDueAge = 5 * time.Minute
)

func (v panelViews) Due(ctx context.Context, bounds []time.Time) ([]int, error) {
	rows, err := v.due.upTo(ctx, bounds[len(bounds)-1])
	counts := make([]int, len(bounds)-1)
	for _, row := range rows {
		// An hour belongs to the day that it ends in: see [app.Figure].
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

// upTo returns the counts up to a time: those of a while ago, or, when there are
// none that will do, new ones.
func (d *dueCounts) upTo(ctx context.Context, until time.Time) ([]*dbgen.PanelViewDueRow, error) {
	d.mu.Lock()
	counts, age := d.counts, time.Since(d.at)
	willDo := d.took > quickDue && age < maxDueAge && !until.After(d.until)
	if willDo && age > dueRest*d.took && !d.counting {
		d.counting = true
		go d.again(context.WithoutCancel(ctx), until)
	}
	d.mu.Unlock()
	if willDo {
		return counts, nil
	}
	return d.count(ctx, until)
}

func (d *dueCounts) again(ctx context.Context, until time.Time) {
	_, _ = d.count(ctx, until) // who finds the counts too old is told
	d.mu.Lock()
	d.counting = false
	d.mu.Unlock()
}

func (d *dueCounts) count(ctx context.Context, until time.Time) ([]*dbgen.PanelViewDueRow, error) {
	began := time.Now()
	rows, err := read(ctx, func(ctx context.Context) ([]*dbgen.PanelViewDueRow, error) {
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
