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

// Day is what happened on one day.
type Day struct {
	Start   time.Time
	New     int
	Ended   int
	Revenue map[billing.Currency]int64
}

// Share is one part of a whole.
type Share[K comparable] struct {
	Of     K
	N      int
	Amount billing.Money
}

// DueDay is what is to be charged on one day, retries of declined renewals too.
type DueDay struct {
	Start time.Time
	N     int
}

// Dashboard is billing at a glance.
type Dashboard struct {
	At       time.Time
	Active   int // paid for
	Standing ports.Standing
	Days     []Day // the last ones, the oldest first, today too
	Currency billing.Currency
	ByPlan   []Share[string] // revenue of these days in Currency, by plan code, the most first
	Declines []Share[billing.DeclineCode]
	Due      []DueDay  // the next ones; what is overdue counts for the first
	LastRun  ports.Run // of the renewal job; zero when there was none
}

// How far the dashboard looks back and forward: as many days as it takes to see
// the end of a month.
const (
	daysBack    = 30
	daysForward = 35
)

// Dashboard tells how billing does.
func (p Panel) Dashboard(ctx context.Context, by Operator) (Dashboard, error) {
	if err := by.mayLook(); err != nil {
		return Dashboard{}, err
	}
	d := Dashboard{At: p.Clock.Now()}
	today := p.midnight(d.At, 0)
	for i := 1 - daysBack; i <= 0; i++ {
		d.Days = append(d.Days, Day{Start: p.midnight(today, i), Revenue: map[billing.Currency]int64{}})
	}
	var err error
	if d.Standing, err = p.Views.Standing(ctx); err != nil {
		return d, err
	}
	if d.LastRun, err = p.Views.LastRun(ctx); err != nil {
		return d, err
	}
	live, err := p.Views.Subscribers(ctx)
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

// midnight is when the day begins that is so many days after that of t.
func (p Panel) midnight(t time.Time, days int) time.Time {
	y, m, day := t.In(p.Location).Date()
	return time.Date(y, m, day+days, 0, 0, 0, 0, p.Location)
}

func (p Panel) past(ctx context.Context, d *Dashboard, today time.Time) error {
	// Figures are kept by the hour. Where days begin within an hour, that hour
	// counts for the day that it ends in.
	figures, err := p.Views.Figures(ctx, d.Days[0].Start.Add(-time.Hour+1), p.midnight(today, 1))
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
		case billing.EventEnded:
			day.Ended += f.N
		case billing.EventPaymentDeclined:
			s := declines[f.DeclineCode]
			declines[f.DeclineCode] = Share[billing.DeclineCode]{Of: f.DeclineCode, N: s.N + f.N}
		case billing.EventRenewed:
			day.earn(f, plans, codes)
		}
	}
	d.Currency = mostEarned(plans)
	d.ByPlan = sorted(plans[d.Currency], func(s Share[string]) int64 { return s.Amount.Amount })
	d.Declines = sorted(declines, func(s Share[billing.DeclineCode]) int64 { return int64(s.N) })
	return nil
}

func (d Dashboard) dayOf(t time.Time) int {
	i, exact := slices.BinarySearchFunc(d.Days, t, func(day Day, t time.Time) int { return day.Start.Compare(t) })
	if exact {
		return i
	}
	return i - 1
}

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

// mostEarned is the currency with the most payments: amounts of different
// currencies cannot be compared.
func mostEarned(plans map[billing.Currency]map[string]Share[string]) billing.Currency {
	n := map[billing.Currency]int{}
	for c, shares := range plans {
		for _, s := range shares {
			n[c] += s.N
		}
	}
	codes := slices.Sorted(maps.Keys(n))
	if len(codes) == 0 {
		return ""
	}
	return slices.MaxFunc(codes, func(a, b billing.Currency) int { return cmp.Compare(n[a], n[b]) })
}

func sorted[K cmp.Ordered](shares map[K]Share[K], weight func(Share[K]) int64) []Share[K] {
	return slices.SortedFunc(maps.Values(shares), func(a, b Share[K]) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Of, b.Of))
	})
}

func (p Panel) planCodes(ctx context.Context) (map[billing.PlanID]string, error) {
	plans, err := p.Store.Views().Plans(ctx)
	codes := make(map[billing.PlanID]string, len(plans))
	for _, plan := range plans {
		codes[plan.ID] = plan.Code
	}
	return codes, err
}

func (p Panel) future(ctx context.Context, d *Dashboard, today time.Time) error {
	bounds := make([]time.Time, daysForward+1)
	for i := range bounds {
		bounds[i] = p.midnight(today, i)
	}
	counts, err := p.Views.Due(ctx, bounds)
	if err != nil {
		return err
	}
	for i, n := range counts {
		d.Due = append(d.Due, DueDay{bounds[i], n})
	}
	return nil
}
