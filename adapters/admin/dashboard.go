package admin

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// dashboardPage holds the figures of the last 30 days and the charges of the next
// 35 days.
type dashboardPage struct {
	*view
	D                operators.Dashboard
	New, Ended       int
	Revenue          billing.Money // in the main currency
	Others           []billing.Money
	PerDay           chart
	RevenuePerDay    chart
	Due              chart
	DueTotal         int
	Peak             operators.DueDay
	ByPlan, Declines []share
	Declined         int
	Holds            []share
	Held             int    // subscriptions on hold
	OldestAge        string // of the oldest pending payment
}

func (s *server) dashboard(w http.ResponseWriter, r *http.Request, v *view) error {
	d, err := s.Panel.Dashboard(r.Context(), v.op)
	if err != nil {
		return err
	}
	p := dashboardPage{view: v, D: d, Revenue: billing.Money{Currency: d.Currency}}
	p.addTotals()
	p.PerDay, p.RevenuePerDay, p.Due = v.newAndEndedChart(d), v.revenueChart(d), v.dueChart(d, p.Peak)
	for _, plan := range d.ByPlan {
		p.ByPlan = append(p.ByPlan, newShare(plan.Of, v.Money(plan.Amount), plan.Amount.Amount, d.ByPlan[0].Amount.Amount, p.Revenue.Amount))
	}
	for _, decline := range d.Declines {
		p.Declines = append(p.Declines, newShare(v.Word("decline", decline.Of), v.Number(decline.N), int64(decline.N), int64(d.Declines[0].N), int64(p.Declined)))
	}
	for _, hold := range d.Held {
		p.Holds = append(p.Holds, newShare(v.Word("decline", hold.Of), v.Number(hold.N), int64(hold.N), int64(d.Held[0].N), int64(p.Held)))
	}
	if !d.Standing.OldestAt.IsZero() {
		p.OldestAge = v.lang.duration(d.At.Sub(d.Standing.OldestAt))
	}
	return s.renderPage(w, r, v, http.StatusOK, v.T("menu.dashboard"), "dashboard", p)
}

// addTotals sums the figures of the days and of the decline reasons.
func (p *dashboardPage) addTotals() {
	revenue := map[billing.Currency]int64{}
	for _, day := range p.D.Days {
		p.New += day.New
		p.Ended += day.Ended
		for currency, amount := range day.Revenue {
			revenue[currency] += amount
		}
	}
	p.Revenue.Amount = revenue[p.D.Currency]
	delete(revenue, p.D.Currency)
	for currency, amount := range revenue {
		p.Others = append(p.Others, billing.Money{Amount: amount, Currency: currency})
	}
	slices.SortFunc(p.Others, func(a, b billing.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	for _, decline := range p.D.Declines {
		p.Declined += decline.N
	}
	for _, hold := range p.D.Held {
		p.Held += hold.N
	}
	for _, day := range p.D.Due {
		p.DueTotal += day.N
		if day.N > p.Peak.N {
			p.Peak = day
		}
	}
}

// share is a horizontal bar.
type share struct {
	Name, Value string
	Percent     int // length of the bar, relative to the longest
	Part        int // percentage of the total
}

func newShare(name, value string, n, longest, total int64) share {
	s := share{Name: name, Value: value}
	if longest > 0 {
		s.Percent = int((n*100 + longest/2) / longest)
	}
	if total > 0 {
		s.Part = int((n*100 + total/2) / total)
	}
	return s
}
