package fake

import (
	"slices"
	"strconv"
	"time"
)

// item is an object of a list.
type item struct {
	id      string
	created int64
	json    func() map[string]any
}

func (f *Fake) listIntents(in input) response {
	var items []item
	for _, i := range f.intents {
		items = append(items, item{i.id, i.created, func() map[string]any { return f.intentJSON(i, expands(in, "data.customer"), false) }})
	}
	return f.list(in, items)
}

func (f *Fake) listSessions(in input) response {
	var items []item
	for _, s := range f.sessions {
		if id := in.Get("payment_intent"); id == "" || s.intent != nil && s.intent.id == id {
			items = append(items, item{s.id, s.created, func() map[string]any { return f.sessionJSON(s) }})
		}
	}
	return f.list(in, items)
}

func (f *Fake) listCharges(in input) response {
	var items []item
	for _, c := range f.charges {
		items = append(items, item{c.id, c.created, c.json})
	}
	return f.list(in, items)
}

// list returns one page of a list, newest first.
func (f *Fake) list(in input, items []item) response {
	slices.Reverse(items)
	if after := in.Get("starting_after"); after != "" {
		n := slices.IndexFunc(items, func(i item) bool { return i.id == after })
		if n < 0 {
			return invalid("resource_missing", "starting_after")
		}
		items = items[n+1:]
	}
	limit, err := strconv.Atoi(in.Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		return invalid("parameter_invalid_integer", "limit")
	}
	data := []map[string]any{}
	more := false
	for _, i := range items {
		if !f.matches(in, i) {
			continue
		}
		if more = len(data) == limit; more {
			break
		}
		data = append(data, i.json())
	}
	return ok(map[string]any{"object": "list", "data": data, "has_more": more, "url": "/v1/list"})
}

func (f *Fake) matches(in input, i item) bool {
	if f.cfg.Now().Sub(time.Unix(i.created, 0)) < f.cfg.Lag {
		return false
	}
	for name, holds := range map[string]func(limit int64) bool{
		"created[gte]": func(limit int64) bool { return i.created >= limit },
		"created[lte]": func(limit int64) bool { return i.created <= limit },
		"created[lt]":  func(limit int64) bool { return i.created < limit },
	} {
		limit, err := strconv.ParseInt(in.Get(name), 10, 64)
		if err == nil && !holds(limit) {
			return false
		}
	}
	return true
}
