package admin

import (
	"net/http"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// dashboardPage holds the figures of the last 30 days and the charges of the next
// 35 days.
type dashboardPage struct {
	*view
	D          operators.Dashboard
	New, Ended int
	Revenue    []revenue // by currency, the one with the most payments first
	PerDay     chart
	Due        chart
	DueTotal   int
	Peak       operators.DueDay
	Declines   []share
	Declined   int
	Holds      []share
	Held       int    // subscriptions on hold
	OldestAge  string // of the oldest pending payment
	MonthAgo   string // first day of the figures
}

// revenue is the revenue of the days in one currency.
type revenue struct {
	Total  billing.Money
	PerDay chart
	ByPlan []share
}

func (v *view) revenueOf(d operators.Dashboard, r operators.Revenue) revenue {
	all := revenue{Total: billing.Money{Currency: r.Currency}}
	for _, day := range d.Days {
		all.Total.Amount += day.Revenue[r.Currency]
	}
	all.PerDay = v.revenueChart(d, r.Currency)
	for _, plan := range r.ByPlan {
		bar := newShare(plan.Of, v.Money(plan.Amount), plan.Amount.Amount, r.ByPlan[0].Amount.Amount, all.Total.Amount)
		bar.Href = link("/info/payments", "plan", plan.Of, "from", d.Days[0].Start.Format(time.DateOnly))
		all.ByPlan = append(all.ByPlan, bar)
	}
	return all
}

func (s *server) dashboard(w http.ResponseWriter, r *http.Request, v *view) error {
	d, err := s.Panel.Dashboard(r.Context(), v.op)
	if err != nil {
		return err
	}
	p := dashboardPage{view: v, D: d, MonthAgo: d.Days[0].Start.Format(time.DateOnly)}
	p.addTotals()
	p.PerDay, p.Due = v.newAndEndedChart(d), v.dueChart(d, p.Peak)
	for _, r := range d.Revenue {
		p.Revenue = append(p.Revenue, v.revenueOf(d, r))
	}
	for _, decline := range d.Declines {
		bar := newShare(v.Word("decline", decline.Of), v.Number(decline.N), int64(decline.N), int64(d.Declines[0].N), int64(p.Declined))
		bar.Href = link("/info/payments", "decline", string(decline.Of), "from", p.MonthAgo)
		p.Declines = append(p.Declines, bar)
	}
	for _, hold := range d.Held {
		bar := newShare(v.Word("decline", hold.Of), v.Number(hold.N), int64(hold.N), int64(d.Held[0].N), int64(p.Held))
		bar.Href = link("/info/subscriptions", "status", statusHeld, "hold", string(hold.Of))
		p.Holds = append(p.Holds, bar)
	}
	if !d.Standing.OldestAt.IsZero() {
		p.OldestAge = v.lang.duration(d.At.Sub(d.Standing.OldestAt))
	}
	return s.renderPage(w, r, v, http.StatusOK, v.T("menu.dashboard"), "dashboard", p)
}

// addTotals sums the figures of the days and of the decline reasons.
func (p *dashboardPage) addTotals() {
	for _, day := range p.D.Days {
		p.New += day.New
		p.Ended += day.Ended
	}
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
	Href        string
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
