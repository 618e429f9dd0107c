package operators

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Day holds the figures of one day.
type Day struct {
	Start   time.Time
	New     int
	Ended   int
	Revenue map[billing.Currency]int64 // in minor units
}

// Share is the part of a total that belongs to one plan or decline code.
type Share[K comparable] struct {
	Of     K
	N      int
	Amount billing.Money
}

// DueDay is the number of charges due on one day, including retries.
type DueDay struct {
	Start time.Time
	N     int
}

// Dashboard holds the figures of the panel's overview.
type Dashboard struct {
	At       time.Time
	Active   int // active subscriptions
	Standing ports.Standing
	Held     []Share[billing.DeclineCode] // subscriptions on hold by reason, most frequent first
	Days     []Day                        // the last 30 days, oldest first, including today
	Revenue  []Revenue                    // of Days by currency, the one with the most payments first
	Declines []Share[billing.DeclineCode] // declines of Days, most frequent first
	Due      []DueDay                     // the next 35 days; the first includes overdue charges
	Runs     RecentRuns                   // of the last 24 hours
}

// Revenue is the revenue in one currency.
type Revenue struct {
	Currency billing.Currency
	ByPlan   []Share[string] // by plan code, largest first
}

// The number of days before and after now on the dashboard. 35 days always include
// the end of a month, when most charges are due.
const (
	daysBack    = 30
	daysForward = 35
	mostRuns    = 1500 // more than a day has, at one a minute
)

// Dashboard returns the figures of the overview.
func (p Panel) Dashboard(ctx context.Context, by Operator) (Dashboard, error) {
	if err := by.mayRead(); err != nil {
		return Dashboard{}, err
	}
	d := Dashboard{At: p.Clock.Now()}
	today := p.midnight(d.At, 0)
	for i := 1 - daysBack; i <= 0; i++ {
		d.Days = append(d.Days, Day{Start: p.midnight(today, i), Revenue: map[billing.Currency]int64{}})
	}
	var err error
	if d.Standing, err = p.Views.Figures.Standing(ctx); err != nil {
		return d, err
	}
	d.addHeld()
	runs, err := p.Views.Figures.Runs(ctx, mostRuns)
	if err != nil {
		return d, err
	}
	d.Runs = recentRuns(runs, d.At)
	live, err := p.Views.Catalog.Subscribers(ctx)
	if err != nil {
		return d, err
	}
	for _, n := range live {
		d.Active += n
	}
	d.Active = max(0, d.Active-d.Standing.PastDue)
	if err := p.past(ctx, &d, today); err != nil {
		return d, err
	}
	return d, p.future(ctx, &d, today)
}

func (d *Dashboard) addHeld() {
	held := make(map[billing.DeclineCode]Share[billing.DeclineCode], len(d.Standing.Held))
	for reason, n := range d.Standing.Held {
		held[reason] = Share[billing.DeclineCode]{Of: reason, N: n}
	}
	d.Held = sorted(held, func(s Share[billing.DeclineCode]) int64 { return int64(s.N) })
}

// midnight returns the start of the day that is some days after the day of t.
func (p Panel) midnight(t time.Time, days int) time.Time {
	y, m, day := t.In(p.Location).Date()
	return time.Date(y, m, day+days, 0, 0, 0, 0, p.Location)
}

// past adds the figures of the last days to d.
func (p Panel) past(ctx context.Context, d *Dashboard, today time.Time) error {
	// Figures are stored by the hour. In a time zone where midnight falls within an
	// hour, the hour counts for the day of its end.
	figures, err := p.Views.Figures.Figures(ctx, d.Days[0].Start.Add(-time.Hour+1), p.midnight(today, 1))
	if err != nil {
		return err
	}
	codes, err := p.planCodes(ctx)
	if err != nil {
		return err
	}
	declines := map[billing.DeclineCode]Share[billing.DeclineCode]{}
	plans := map[billing.Currency]map[string]Share[string]{}
	for _, f := range figures {
		day := &d.Days[max(0, d.dayOf(f.Hour.Add(time.Hour-1)))]
		switch f.Type {
		case billing.EventSubscribed:
			day.New += f.N
			day.earn(f, plans, codes)
		case ports.PlanGiven:
			day.New += f.N
		case billing.EventEnded:
			day.Ended += f.N
		case billing.EventPaymentDeclined:
			s := declines[f.DeclineCode]
			declines[f.DeclineCode] = Share[billing.DeclineCode]{Of: f.DeclineCode, N: s.N + f.N}
		case billing.EventRenewed:
			day.earn(f, plans, codes)
		}
	}
	d.Revenue = revenueOf(plans)
	d.Declines = sorted(declines, func(s Share[billing.DeclineCode]) int64 { return int64(s.N) })
	return nil
}

// dayOf returns the index of the day of t, or -1 if t is before the first day.
func (d Dashboard) dayOf(t time.Time) int {
	i, exact := slices.BinarySearchFunc(d.Days, t, func(day Day, t time.Time) int { return day.Start.Compare(t) })
	if exact {
		return i
	}
	return i - 1
}

// earn adds the revenue of a figure to the day and to the shares of the plans.
func (d *Day) earn(f ports.Figure, plans map[billing.Currency]map[string]Share[string], codes map[billing.PlanID]string) {
	if f.Currency == "" {
		return
	}
	d.Revenue[f.Currency] += f.Amount
	if plans[f.Currency] == nil {
		plans[f.Currency] = map[string]Share[string]{}
	}
	code := cmp.Or(codes[f.Plan], string(f.Plan))
	s := plans[f.Currency][code]
	plans[f.Currency][code] = Share[string]{
		Of: code, N: s.N + f.N, Amount: billing.Money{Amount: s.Amount.Amount + f.Amount, Currency: f.Currency},
	}
}

// revenueOf sorts the currencies by the number of their payments. It does not compare
// amounts, because they are in different currencies.
func revenueOf(plans map[billing.Currency]map[string]Share[string]) []Revenue {
	n := map[billing.Currency]int{}
	var list []Revenue
	for c, shares := range plans {
		for _, s := range shares {
			n[c] += s.N
		}
		list = append(list, Revenue{c, sorted(shares, func(s Share[string]) int64 { return s.Amount.Amount })})
	}
	slices.SortFunc(list, func(a, b Revenue) int {
		return cmp.Or(cmp.Compare(n[b.Currency], n[a.Currency]), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}

// sorted returns the shares by descending weight.
func sorted[K cmp.Ordered](shares map[K]Share[K], weight func(Share[K]) int64) []Share[K] {
	return slices.SortedFunc(maps.Values(shares), func(a, b Share[K]) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Of, b.Of))
	})
}

// planCodes returns the codes of all plans by id.
func (p Panel) planCodes(ctx context.Context) (map[billing.PlanID]string, error) {
	plans, err := p.Store.Views().Plans(ctx)
	codes := make(map[billing.PlanID]string, len(plans))
	for _, plan := range plans {
		codes[plan.ID] = plan.Code
	}
	return codes, err
}

// future adds the charges of the next days to d.
func (p Panel) future(ctx context.Context, d *Dashboard, today time.Time) error {
	bounds := make([]time.Time, daysForward+1)
	for i := range bounds {
		bounds[i] = p.midnight(today, i)
	}
	counts, err := p.Views.Figures.Due(ctx, bounds)
	if err != nil {
		return err
	}
	for i, n := range counts {
		d.Due = append(d.Due, DueDay{bounds[i], n})
	}
	return nil
}
