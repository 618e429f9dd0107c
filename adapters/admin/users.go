package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type usersFilter struct {
	*view
	Search string
}

func (s *server) users(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	search := strings.TrimSpace(q.Get("search"))
	page := app.UserPage{Limit: pageSize, BeforeAt: parseTime(q.Get("at")), BeforeID: billing.UserID(q.Get("before"))}
	src := newSource(r.Context(), column{"id", v.T("user.id")}, column{"first", v.T("user.first_seen")},
		column{"last", v.T("user.last_seen")}, column{"live", v.T("user.live")})
	var last app.UserRow
	src.list = each(func(ctx context.Context) ([]app.UserRow, error) {
		rows, err := s.Panel.Users(ctx, v.op, search, page)
		if len(rows) == pageSize && search == "" {
			last = rows[pageSize-1]
		}
		return rows, err
	}, v.userRow)
	l := &listing{
		table: src, title: v.T("menu.users"), empty: v.T("users.empty"), filter: "filter_users",
		data: usersFilter{v, search},
		next: func() string {
			if last.ID == "" {
				return ""
			}
			return link("/info/users", "at", formatTime(last.FirstSeenAt), "before", string(last.ID))
		},
	}
	if !couldBeID(search) || page.BeforeID != "" && !billing.IsID(string(page.BeforeID)) {
		l.refused = v.T("users.bad_search")
	}
	return l
}

// couldBeID spares the use case what it would refuse.
func couldBeID(search string) bool {
	return strings.Trim(strings.ToLower(search), "0123456789abcdef-") == ""
}

func (v *view) userRow(u app.UserRow) row {
	live := cell{Text: "—", Muted: true}
	if u.Live > 0 {
		live = cell{Badge: "ok", Text: v.Number(u.Live)}
	}
	return row{
		"id":    cell{Text: string(u.ID), Href: link("/info/users/detail", "id", string(u.ID)), Code: true}.html(),
		"first": v.Time(u.FirstSeenAt), "last": v.Time(u.LastSeenAt), "live": live.html(),
	}
}

// Times in links are exact: pages would overlap otherwise.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func parseTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text) // zero, the first page, when somebody changed it
	return t
}

// userPage answers why a viewer was charged.
type userPage struct {
	*view
	User          billing.User
	Subscriptions []app.SubscriptionView
	Timeline      []moment
	Payments      []billing.Payment
	Cards         []app.PanelCard
	Paid          []billing.Money // in all, by currency
	More          bool
}

// moment is an event with the payment that caused it.
type moment struct {
	billing.Event
	Payment *billing.Payment
	Card    *app.PanelCard // that was charged, or that it is about
	Kind    string         // how it looks
	Icon    string
}

func (s *server) user(w http.ResponseWriter, r *http.Request, v *view) error {
	d, err := s.Panel.User(r.Context(), v.op, billing.UserID(r.URL.Query().Get("id")))
	if err != nil {
		return err
	}
	page := userPage{view: v, User: d.User, Subscriptions: d.Subscriptions, More: d.More, Cards: d.Cards}
	for _, e := range d.History {
		m := moment{Event: e}
		m.Kind, m.Icon = looks(e.Type)
		if p, ok := d.Payments[e.PaymentID]; ok {
			m.Payment = &p
		}
		m.Card = cardOf(d.Cards, m)
		page.Timeline = append(page.Timeline, m)
	}
	paid := map[billing.Currency]int64{}
	for _, p := range d.Payments {
		page.Payments = append(page.Payments, p)
		if p.Status == billing.PaymentSucceeded {
			paid[p.Amount.Currency] += p.Amount.Amount
		}
	}
	slices.SortFunc(page.Payments, func(a, b billing.Payment) int { return strings.Compare(string(b.ID), string(a.ID)) })
	for currency, amount := range paid {
		page.Paid = append(page.Paid, billing.Money{Amount: amount, Currency: currency})
	}
	slices.SortFunc(page.Paid, func(a, b billing.Money) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	return s.show(w, r, v, http.StatusOK, v.T("user.title", v.Short(d.ID)), "user", page)
}

// cardOf finds the card that an event is about.
func cardOf(cards []app.PanelCard, m moment) *app.PanelCard {
	i := slices.IndexFunc(cards, func(c app.PanelCard) bool {
		return c.ID == m.CardID || m.Charge() && m.Payment != nil && slices.Contains(c.Methods, m.Payment.MethodID)
	})
	if i < 0 {
		return nil
	}
	return &cards[i]
}

// looks is the color and the icon of an event.
func looks(t billing.EventType) (kind, icon string) {
	switch t {
	case billing.EventSubscribed:
		return "ok", "fa-play"
	case billing.EventRenewed:
		return "ok", "fa-refresh"
	case billing.EventPaymentDeclined:
		return "bad", "fa-times"
	case billing.EventPaymentAbandoned:
		return "warn", "fa-chain-broken"
	case billing.EventPaymentContradicted:
		return "bad", "fa-exclamation"
	case billing.EventCancelRequested:
		return "warn", "fa-pause"
	case billing.EventCancelRevoked:
		return "info", "fa-undo"
	case billing.EventCardAdded, billing.EventCardRemoved:
		return "info", "fa-credit-card"
	case billing.EventCardLimitReached, billing.EventDeclineLimitReached:
		return "warn", "fa-hand-paper-o"
	case billing.EventPeriodsWaived:
		return "info", "fa-gift"
	case billing.EventEnded:
		return "off", "fa-stop"
	default:
		return "info", "fa-circle"
	}
}

// Charge reports whether the event is about money being asked for: other events
// too name the payment that caused them.
func (m moment) Charge() bool {
	switch m.Type {
	case billing.EventSubscribed, billing.EventRenewed, billing.EventPaymentDeclined, billing.EventPaymentAbandoned, billing.EventPaymentContradicted:
		return true
	}
	return false
}

// Taken reports whether the money was taken.
func (m moment) Taken() bool {
	return m.Type == billing.EventSubscribed || m.Type == billing.EventRenewed
}

// Because says in a sentence why there was this payment.
func (m moment) Because(v *view) string {
	if m.Payment == nil || !m.Charge() {
		return ""
	}
	key := "because.first"
	if m.Payment.Initiator == billing.MerchantInitiated {
		key = "because.renewal"
	}
	from, to := m.Payment.Period.Start.In(v.zone), m.Payment.Period.End.In(v.zone)
	return v.T(key, m.PlanCode, v.lang.date(from), v.lang.date(to))
}

// StatusKind is the color of a subscription's state.
func (userPage) StatusKind(s billing.Subscription) string {
	switch {
	case s.Status == billing.StatusActive && s.CancelAtPeriodEnd:
		return "warn"
	case s.Status == billing.StatusActive:
		return "ok"
	case s.Status == billing.StatusPastDue:
		return "bad"
	case s.Status == billing.StatusIncomplete:
		return "info"
	default:
		return "off"
	}
}

// PaymentKind is the color of a payment's state.
func (userPage) PaymentKind(p billing.Payment) string {
	switch p.Status {
	case billing.PaymentSucceeded:
		return "ok"
	case billing.PaymentDeclined:
		return "bad"
	case billing.PaymentPending:
		return "info"
	default:
		return "warn"
	}
}
