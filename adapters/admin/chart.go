package admin

import (
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// chart is a column chart with one column per day.
type chart struct {
	Columns []chartDay
	Every   int    // number of columns per tick
	Top     string // value at full height
	Middle  string // value at half height
	Label   string // for screen readers
	Empty   bool   // all values are 0
}

// chartDay is the column of a day.
type chartDay struct {
	Heights []bar
	Tip     string
	Tick    string // text below the column; empty for most columns
	Peak    bool
}

type bar struct {
	Kind   string // color
	Height int    // percent
}

// add appends a day with a bar per amount. top is the amount at full height.
func (c *chart) add(day time.Time, v *view, tip string, top int64, kinds []string, amounts ...int64) {
	d := chartDay{Tip: v.lang.day(day) + ": " + tip}
	for i, n := range amounts {
		height := 0
		if top > 0 && n > 0 {
			height = max(1, int(n*100/top))
		}
		d.Heights = append(d.Heights, bar{kinds[i], height})
	}
	if len(c.Columns)%c.Every == 0 {
		d.Tick = v.lang.day(day)
	}
	c.Columns = append(c.Columns, d)
}

// roundUp returns the next round number that is not below n. It is even, because
// the axis also shows half of it.
func roundUp(n int64) int64 {
	if n <= 4 {
		return 4
	}
	for unit := int64(1); ; unit *= 10 {
		for _, step := range []int64{2, 4, 6, 8, 10} {
			if n <= step*unit {
				return step * unit
			}
		}
	}
}

// scale sets the texts of the axis. unit is the number of minor units that make 1.
func (c *chart) scale(v *view, top, unit int64) {
	c.Top, c.Middle = v.lang.compact(top/unit), v.lang.compact(top/unit/2)
}

func (v *view) newAndEndedChart(d operators.Dashboard) chart {
	c := chart{Label: v.T("dash.per_day"), Every: 5}
	var highest int64
	for _, day := range d.Days {
		highest = max(highest, int64(day.New), int64(day.Ended))
	}
	top := roundUp(highest)
	for _, day := range d.Days {
		tip := fmt.Sprintf("%s %d, %s %d", v.T("dash.new"), day.New, v.T("dash.ended"), day.Ended)
		c.add(day.Start, v, tip, top, []string{"new", "ended"}, int64(day.New), int64(day.Ended))
	}
	c.Empty = highest == 0
	c.scale(v, top, 1)
	return c
}

func (v *view) revenueChart(d operators.Dashboard, currency billing.Currency) chart {
	c := chart{Label: v.T("dash.revenue_per_day") + ", " + string(currency), Every: 5}
	unit := int64(1)
	digits, _ := currency.Digits()
	for range digits {
		unit *= 10
	}
	var highest int64
	for _, day := range d.Days {
		highest = max(highest, day.Revenue[currency])
	}
	top := roundUp((highest+unit-1)/unit) * unit
	for _, day := range d.Days {
		n := day.Revenue[currency]
		c.add(day.Start, v, v.Money(billing.Money{Amount: n, Currency: currency}), top, []string{"money"}, n)
	}
	c.Empty = highest == 0
	c.scale(v, top, unit)
	return c
}

func (v *view) dueChart(d operators.Dashboard, peak operators.DueDay) chart {
	c := chart{Label: v.T("dash.due"), Every: 7}
	top := roundUp(int64(peak.N))
	for _, day := range d.Due {
		c.add(day.Start, v, v.Count("charges", day.N), top, []string{"due"}, int64(day.N))
		last := &c.Columns[len(c.Columns)-1]
		last.Peak = peak.N > 0 && day.Start.Equal(peak.Start)
	}
	c.Empty = peak.N == 0
	c.scale(v, top, 1)
	return c
}
