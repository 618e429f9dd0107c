package httpapi

import (
	"encoding/base64"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// A cursor is the id of the last item of a page. It is wrapped, so that clients
// keep their hands off it and it may become something else.
const cursorVersion = "v1:"

const defaultLimit = 20

// page reads limit and cursor. It asks for one item more than the client does:
// whether there is one tells whether there is another page.
func page(limit *int, cursor *string) (ports.Page, error) {
	p := ports.Page{Limit: defaultLimit + 1}
	if limit != nil {
		p.Limit = *limit + 1
	}
	if cursor == nil {
		return p, nil
	}
	before, ok := openCursor(*cursor)
	if !ok {
		return p, &billing.InvalidError{Faults: []billing.Fault{{Field: "cursor", Message: "is not a next_cursor of this list"}}}
	}
	p.Before = before
	return p, nil
}

func openCursor(cursor string) (id string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", false
	}
	id, ok = strings.CutPrefix(string(raw), cursorVersion)
	return id, ok && billing.IsID(id) && cursor == cursorOf(id) // not in another spelling
}

func cursorOf(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + id))
}

// cut takes the surplus item off a page and returns the cursor that leads to
// the next one; nil on the last page.
func cut[T any](list []T, p ports.Page, id func(T) string) ([]T, *string) {
	if len(list) < p.Limit {
		return list, nil
	}
	list = list[:p.Limit-1]
	return list, new(cursorOf(id(list[len(list)-1])))
}
