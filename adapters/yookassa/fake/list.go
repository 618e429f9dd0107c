package fake

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

func (f *Fake) read(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	p := f.find(r.PathValue("id"))
	if p == nil {
		f.mu.Unlock()
		respond(w, http.StatusNotFound, failure{Code: "not_found", Description: "Payment doesn't exist", Parameter: "payment_id"})
		return
	}
	p.progress(f.now())
	copied := *p
	f.mu.Unlock()
	respond(w, http.StatusOK, copied)
}

// find returns a payment, or nil. The caller holds mu.
func (f *Fake) find(id string) *payment {
	i := slices.IndexFunc(f.payments, func(p *payment) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return f.payments[i]
}

type page[T any] struct {
	Type       string `json:"type"`
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
}

func (f *Fake) list(w http.ResponseWriter, r *http.Request) {
	serveList(w, r, func(q listQuery) page[payment] {
		f.mu.Lock()
		defer f.mu.Unlock()
		now := f.now()
		return pageOf(f.payments, q, func(p *payment) (id string, visible bool) {
			p.progress(now)
			return p.ID, now.Sub(p.CreatedAt) >= f.listLag && q.keep(p)
		})
	})
}

// listQuery is a valid query for a list.
type listQuery struct {
	keep   filter
	cursor string
	limit  int
}

// serveList responds with a page, or refuses a wrong query.
func serveList[T any](w http.ResponseWriter, r *http.Request, read func(listQuery) page[T]) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "10"))
	keep := filters(q)
	if err != nil || limit < 1 || limit > 100 || keep == nil {
		respond(w, http.StatusBadRequest, failure{Code: "invalid_request", Description: "A filter is wrong"})
		return
	}
	respond(w, http.StatusOK, read(listQuery{keep, q.Get("cursor"), limit}))
}

// pageOf returns a page of items, the newest first. The cursor is the id of its first item.
func pageOf[T any](items []*T, q listQuery, look func(*T) (id string, visible bool)) page[T] {
	result, begun := page[T]{Type: "list", Items: []T{}}, q.cursor == ""
	for _, item := range slices.Backward(items) {
		id, visible := look(item)
		if begun = begun || id == q.cursor; !begun || !visible {
			continue
		}
		if len(result.Items) == q.limit {
			result.NextCursor = id
			break
		}
		result.Items = append(result.Items, *item)
	}
	return result
}

type filter func(*payment) bool

// filters returns the filter of a query, or nil if the query is wrong.
func filters(q url.Values) filter {
	compare := map[string]func(a, b time.Time) bool{
		"gte": func(a, b time.Time) bool { return !a.Before(b) }, "gt": time.Time.After,
		"lte": func(a, b time.Time) bool { return !a.After(b) }, "lt": time.Time.Before,
	}
	var all []filter
	for operator, holds := range compare {
		for _, field := range []string{"created_at", "captured_at"} {
			text := q.Get(field + "." + operator)
			limit, err := time.Parse(time.RFC3339, text)
			switch {
			case text == "":
				continue
			case err != nil:
				return nil
			}
			all = append(all, func(p *payment) bool {
				at := p.CapturedAt
				if field == "created_at" {
					at = &p.CreatedAt
				}
				return at != nil && holds(*at, limit)
			})
		}
	}
	return func(p *payment) bool {
		status := q.Get("status")
		return (status == "" || status == p.Status) && !slices.ContainsFunc(all, func(keep filter) bool { return !keep(p) })
	}
}
