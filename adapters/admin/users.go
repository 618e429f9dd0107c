package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

type usersFilter struct {
	*view
	Search string
}

func (s *server) users(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	search := strings.TrimSpace(q.Get("search"))
	page := ports.UserPage{Limit: pageSize, BeforeAt: parseTime(q.Get("at")), BeforeID: billing.UserID(q.Get("before"))}
	src := newSource(r.Context(), column{"id", v.T("user.id")}, column{"first", v.T("user.first_seen")},
		column{"last", v.T("user.last_seen")}, column{"live", v.T("user.live")})
	var last ports.UserRow
	src.rows = mapRows(func(ctx context.Context) ([]ports.UserRow, error) {
		rows, err := s.Panel.Users(ctx, v.op, search, page)
		if len(rows) == pageSize && search == "" {
			last = rows[pageSize-1]
		}
		return rows, err
	}, v.userRow)
	l := &listing{
		table: src, title: v.T("menu.users"), empty: v.T("users.empty"), filter: "filter_users",
		filterData: usersFilter{v, search},
		next: func() string {
			if last.ID == "" {
				return ""
			}
			return link("/info/users", "at", formatTime(last.FirstSeenAt), "before", string(last.ID))
		},
	}
	if !operators.IsIDPrefix(strings.ToLower(search)) || page.BeforeID != "" && !billing.IsID(string(page.BeforeID)) {
		l.refused = v.T("users.bad_search")
	}
	return l
}

func (v *view) userRow(u ports.UserRow) row {
	live := cell{Text: "—", Muted: true}
	if u.Live > 0 {
		live = cell{Badge: "ok", Text: v.Number(u.Live)}
	}
	return row{
		"id":    cell{Text: string(u.ID), Href: link("/info/users/detail", "id", string(u.ID)), Code: true}.html(),
		"first": v.Time(u.FirstSeenAt), "last": v.Time(u.LastSeenAt), "live": live.html(),
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
