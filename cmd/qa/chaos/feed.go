package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/online-cinema/billing/adapters/auth"
)

// feeds returns the scenario of a service that follows the events.
func feeds() []scenario {
	return []scenario{{
		name: "feed", short: 1, long: 10,
		description: "a service follows the events while viewers subscribe and cancel, a run renews, programs are killed, and transactions commit late: it receives each event once, and those of a viewer in order",
		run:         followFeed,
	}}
}

// lateEvent is the type of the events that the scenario commits late.
const lateEvent = "late"

// reader follows the events of all viewers.
type reader struct {
	viewer
	cursor string
	ids    map[string]int      // how often each event was received
	order  map[string][]string // ids of a viewer, in the order of receipt
	asked  atomic.Int64        // number of pages
}

// followFeed kills an API and a run while a reader follows the feed. Events are recorded
// while an older transaction is open that has recorded one too.
func followFeed(t *trial) {
	w, viewers := t.dueWorldOn(t.ownServer(false), viewerCount, "tok_ok") // transactions of other trials would delay the feed
	var replaced sync.WaitGroup
	w.startCrashingAPI(killPoint{"change.after", viewerCount}, 1+t.rng("pass").IntN(3), &replaced)
	r := w.reader()
	var done atomic.Bool
	var following sync.WaitGroup
	following.Go(func() {
		for !done.Load() && w.ctx.Err() == nil {
			r.page()
		}
	})
	commitLate := w.recordLate()
	w.runUntilKilled(killPoint{name: pick(t.rng("run"), "charge.after", "record.after")}, 1, "")
	forEach(4, viewers, func(i int, v viewer) {
		if i%2 == 0 {
			v.cancel()
		}
		w.viewer(fmt.Sprint("late-", i)).subscribe("tok_ok")
	})
	replaced.Wait()
	if asked := r.asked.Load(); !waitFor(maxWait, func() bool { return r.asked.Load() > asked+20 }) {
		w.inconclusive("the reader has not asked for events in time")
	}
	commitLate()
	w.drain()
	w.check()
	done.Store(true)
	following.Wait()
	if !waitFor(maxWait, func() bool {
		return w.ctx.Err() != nil || r.page() == 0 && w.queryInt(`SELECT count(*) FROM events`) == len(r.ids)
	}) {
		w.note("the reader has %d events", len(r.ids))
	}
	r.checkComplete()
}

func (w *world) reader() *reader {
	token, err := auth.Sign(w.keys.private, "", auth.SignClaims{
		Subject: "reader", Issuer: "i", Audience: "a", Scope: "billing.events", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(24 * time.Hour),
	})
	w.require("token", err)
	return &reader{viewer: viewer{w, "reader", token}, ids: map[string]int{}, order: map[string][]string{}}
}

// page receives the events that follow, and returns their number.
func (r *reader) page() int {
	got := r.retry(http.MethodGet, "/v1/events?limit=7"+r.cursor, "", "")
	var page struct {
		Data []struct {
			ID     string
			UserID string `json:"user_id"`
		}
		NextCursor string `json:"next_cursor"`
	}
	if err := json.Unmarshal([]byte(got.text), &page); err != nil || got.status != http.StatusOK {
		r.w.violated("feed: %v", got)
		return 0
	}
	for _, e := range page.Data {
		r.ids[e.ID]++
		r.order[e.UserID] = append(r.order[e.UserID], e.ID)
	}
	r.cursor = "&after=" + page.NextCursor
	r.asked.Add(1)
	return len(page.Data)
}

// insertEvent records an event of a user, with an id and a type.
const insertEvent = `INSERT INTO events (user_id, id, type, at, plan_code, decline_code) VALUES ($1, $2, $3, now(), '', '')`

// recordLate begins a transaction that records an event. The returned function commits it.
func (w *world) recordLate() (commit func()) {
	tx, err := w.pool.Begin(w.ctx)
	w.require("begin", err)
	_, err = tx.Exec(w.ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`)
	w.require("set no time limit", err)
	_, err = tx.Exec(w.ctx, insertEvent, auth.UserID("late"), uuid.Must(uuid.NewV7()).String(), lateEvent)
	w.require("record an event", err)
	w.note("a transaction has recorded an event, and stays open")
	return func() {
		w.require("commit", tx.Commit(w.ctx))
		w.count("transactions committed late", 1)
		w.note("it commits")
	}
}

// recordedEvents returns the ids of each viewer's events, sorted. An event gets its id when it
// is recorded, so this order does not depend on the feed.
func (w *world) recordedEvents() map[string][]string {
	rows, err := w.pool.Query(w.ctx, `SELECT user_id::text, id::text FROM events ORDER BY id`)
	w.require("events", err)
	defer rows.Close()
	recorded := map[string][]string{}
	for rows.Next() {
		var user, id string
		w.require("events", rows.Scan(&user, &id))
		recorded[user] = append(recorded[user], id)
	}
	w.require("events", rows.Err())
	return recorded
}

// checkComplete checks that the reader has received each event once, and the events of each
// viewer in the order of their recording.
func (r *reader) checkComplete() {
	for user, ids := range r.w.recordedEvents() {
		for _, id := range ids {
			if n := r.ids[id]; n != 1 {
				r.w.violated("feed: the event %s was received %d times, want once", id, n)
			}
		}
		if got := r.order[user]; len(got) == len(ids) && fmt.Sprint(got) != fmt.Sprint(ids) {
			r.w.violated("feed: the events of %s were received in the order %v, want %v", user, got, ids)
		}
	}
	r.w.count("events received", len(r.ids))
}
