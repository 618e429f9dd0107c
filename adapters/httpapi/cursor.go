package httpapi

import (
	"encoding/base64"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// A cursor is the base64 of this prefix and the id of a page's last item. The
// encoding discourages clients from building cursors; the prefix allows a later
// change of format.
const cursorVersion = "v1:"

const defaultLimit = 20

// parsePage parses limit and cursor. The page has one item more than the client
// asked for; its presence shows that another page follows.
func parsePage(limit *int, cursor *string) (ports.Page, error) {
	p := ports.Page{Limit: defaultLimit + 1}
	if limit != nil {
		p.Limit = *limit + 1
	}
	if cursor == nil {
		return p, nil
	}
	before, ok := parseCursor(*cursor)
	if !ok {
		return p, invalidField("cursor", "is not a next_cursor of this list; leave it out for the first page")
	}
	p.Before = before
	return p, nil
}

// newFilter returns the filter of a list. matchable is false if no plan can have the
// code or id.
func newFilter[Status ~string](plan *string, status *Status) (f ports.Filter, matchable bool) {
	if status != nil {
		f.Status = string(*status)
	}
	if plan == nil {
		return f, true
	}
	f.Plan = *plan
	return f, validRef(f.Plan)
}

func parseCursor(cursor string) (id string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", false
	}
	id, ok = strings.CutPrefix(string(raw), cursorVersion)
	return id, ok && billing.IsID(id) && cursor == newCursor(id) // base64 has several spellings
}

func newCursor(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + id))
}

// trimPage drops the extra item of a page and returns the cursor of the next
// page, or nil on the last page.
func trimPage[T any](list []T, p ports.Page, id func(T) string) ([]T, *string) {
	if len(list) < p.Limit {
		return list, nil
	}
	list = list[:p.Limit-1]
	return list, new(newCursor(id(list[len(list)-1])))
}
