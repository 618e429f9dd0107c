package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

type usersFilter struct {
	*view
	From, To string
}

func (s *server) users(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	f := usersFilter{v, q.Get("from"), q.Get("to")}
	l := &listing{title: v.T("menu.users"), empty: v.T("users.empty"), filter: "filter_users", filterData: f}
	page := ports.UserPage{Limit: pageSize, BeforeAt: parseTime(q.Get("at")), BeforeID: billing.UserID(q.Get("before"))}
	var since, until bool
	page.Since, since = s.parseDay(f.From, 0)
	page.Until, until = s.parseDay(f.To, 1)
	switch {
	case !since || !until:
		l.refused = v.T("history.bad_date")
	case page.BeforeID != "" && !billing.IsID(string(page.BeforeID)):
		l.refused = v.T("error.bad_request")
	}
	src := newSource(r.Context(), column{"id", v.T("user.id")}, column{"subject", v.T("user.subject")}, column{"first", v.T("user.first_seen")},
		column{"last", v.T("user.last_seen")}, column{"live", v.T("user.live")})
	var last ports.UserRow
	src.rows = mapRows(func(ctx context.Context) ([]ports.UserRow, error) {
		rows, n, err := s.Panel.Users(ctx, v.op, page)
		l.count = v.counted("users", n)
		if len(rows) == pageSize {
			last = rows[pageSize-1]
		}
		return rows, err
	}, v.userRow)
	l.table = src
	l.next = func() string {
		if last.ID == "" {
			return ""
		}
		return link("/info/users", "from", f.From, "to", f.To, "at", formatTime(last.FirstSeenAt), "before", string(last.ID))
	}
	if page.BeforeID != "" {
		l.newest = link("/info/users", "from", f.From, "to", f.To)
	}
	return l
}

// counted returns a number of records that was counted up to [operators.MaxCount].
func (v *view) counted(key string, n int) string {
	if n > operators.MaxCount {
		return v.T("more_than", v.Count(key, operators.MaxCount))
	}
	return v.Count(key, n)
}

func (v *view) userRow(u ports.UserRow) row {
	live := cell{Text: "—", Muted: true}
	if u.Live > 0 {
		live = cell{Badge: "ok", Text: v.Number(u.Live)}
	}
	return row{
		"id":      cell{Text: string(u.ID), Href: userLink(u.ID, ""), Code: true}.html(),
		"subject": cell{Text: u.Subject, Sub: u.Display.Reveal()}.html(),
		"first":   v.Time(u.FirstSeenAt), "last": v.Time(u.LastSeenAt), "live": live.html(),
	}
}

// formatTime formats a time for links, with all digits: with fewer, pages would
// overlap.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseTime parses a time from a link. For an invalid one it returns the zero time,
// which means the first page.
func parseTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}
