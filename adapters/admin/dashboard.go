package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type dashboardPage struct {
	*view
	D                app.Dashboard
	New, Ended       int
	Revenue          billing.Money
	PerDay           chart
	RevenuePerDay    chart
	Due              chart
	DueTotal         int
	Peak             app.DueDay
	ByPlan, Declines []share
	Declined         int
	OldestAge        string
	Others           []billing.Money // revenue in other currencies
}

// share is a bar that lies.
type share struct {
	Name, Value string
	Percent     int // of the longest
	Part        int // of the whole
}

func (s *server) dashboard(w http.ResponseWriter, r *http.Request, v *view) error {
	d, err := s.Panel.Dashboard(r.Context(), v.op)
	if err != nil {
		return err
	}
	p := dashboardPage{view: v, D: d, Revenue: billing.Money{Currency: d.Currency}}
	p.sumUp()
	p.PerDay, p.RevenuePerDay, p.Due = v.newAndEnded(d), v.revenue(d), v.due(d, p.Peak)
	for _, share := range d.ByPlan {
		p.ByPlan = append(p.ByPlan, v.share(share.Of, v.Money(share.Amount), share.Amount.Amount, d.ByPlan[0].Amount.Amount, p.Revenue.Amount))
	}
	for _, share := range d.Declines {
		p.Declines = append(p.Declines, v.share(v.Word("decline", share.Of), v.Number(share.N), int64(share.N), int64(d.Declines[0].N), int64(p.Declined)))
	}
	if !d.Standing.OldestAt.IsZero() {
		p.OldestAge = v.lang.span(d.At.Sub(d.Standing.OldestAt))
	}
	return s.show(w, r, v, http.StatusOK, v.T("menu.dashboard"), "dashboard", p)
}

func (p *dashboardPage) sumUp() {
	others := map[billing.Currency]int64{}
	for _, day := range p.D.Days {
		p.New += day.New
		p.Ended += day.Ended
		for currency, amount := range day.Revenue {
			others[currency] += amount
		}
	}
	p.Revenue.Amount = others[p.D.Currency]
	delete(others, p.D.Currency)
	for currency, amount := range others {
		p.Others = append(p.Others, billing.Money{Amount: amount, Currency: currency})
	}
	slices.SortFunc(p.Others, func(a, b billing.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	for _, share := range p.D.Declines {
		p.Declined += share.N
	}
	for _, day := range p.D.Due {
		p.DueTotal += day.N
		if day.N > p.Peak.N {
			p.Peak = day
		}
	}
}

func (v *view) share(name, value string, n, longest, whole int64) share {
	s := share{Name: name, Value: value}
	if longest > 0 {
		s.Percent = int((n*100 + longest/2) / longest)
	}
	if whole > 0 {
		s.Part = int((n*100 + whole/2) / whole)
	}
	return s
}

// chart is columns over days.
type chart struct {
	Columns []bars
	Every   int    // as many columns have one tick
	Top     string // what the full height is
	Middle  string
	Label   string // for who cannot see it
	Empty   bool
}

// bars stand for one day.
type bars struct {
	Heights []bar
	Tip     string
	Tick    string // below, on some of them
	Peak    bool
}

type bar struct {
	Kind   string
	Height int // percent
}

// add makes bars of amounts, as high as they are of the top.
func (c *chart) add(day time.Time, v *view, tip string, top int64, kinds []string, amounts ...int64) {
	b := bars{Tip: v.lang.day(day) + ": " + tip}
	for i, n := range amounts {
		height := 0
		if top > 0 && n > 0 {
			height = max(1, int(n*100/top))
		}
		b.Heights = append(b.Heights, bar{kinds[i], height})
	}
	if len(c.Columns)%c.Every == 0 {
		b.Tick = v.lang.day(day)
	}
	c.Columns = append(c.Columns, b)
}

// roundUp is the next number above n that reads well on an axis.
func roundUp(n int64) int64 {
	if n <= 4 {
		return 4
	}
	for unit := int64(1); ; unit *= 10 {
		for _, step := range []int64{2, 4, 6, 8, 10} { // even: half of it is written too
			if n <= step*unit {
				return step * unit
			}
		}
	}
}

func (c *chart) scale(v *view, top, unit int64) {
	c.Top, c.Middle = v.lang.brief(top/unit), v.lang.brief(top/unit/2)
}

func (v *view) newAndEnded(d app.Dashboard) chart {
	c := chart{Label: v.T("dash.per_day"), Every: 5}
	var most int64
	for _, day := range d.Days {
		most = max(most, int64(day.New), int64(day.Ended))
	}
	top := roundUp(most)
	for _, day := range d.Days {
		tip := fmt.Sprintf("%s %d, %s %d", v.T("dash.new"), day.New, v.T("dash.ended"), day.Ended)
		c.add(day.Start, v, tip, top, []string{"new", "ended"}, int64(day.New), int64(day.Ended))
	}
	c.Empty = most == 0
	c.scale(v, top, 1)
	return c
}

func (v *view) revenue(d app.Dashboard) chart {
	c := chart{Label: v.T("dash.revenue_per_day"), Every: 5}
	unit := int64(1)
	digits, _ := d.Currency.Digits()
	for range digits {
		unit *= 10
	}
	var most int64
	for _, day := range d.Days {
		most = max(most, day.Revenue[d.Currency])
	}
	top := roundUp((most+unit-1)/unit) * unit
	for _, day := range d.Days {
		n := day.Revenue[d.Currency]
		c.add(day.Start, v, v.Money(billing.Money{Amount: n, Currency: d.Currency}), top, []string{"money"}, n)
	}
	c.Empty = most == 0
	c.scale(v, top, unit)
	return c
}

func (v *view) due(d app.Dashboard, peak app.DueDay) chart {
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
