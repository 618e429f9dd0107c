package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/online-cinema/billing/adapters/auth"
)

// endpoints returns the scenarios of a service that receives webhooks.
func endpoints() []scenario {
	return []scenario{
		{
			name: "endpoint/faults", short: 1, long: 10,
			description: "a receiver is slow, refuses, redirects and cuts connections, then responds with 500 for three days, and later with 410: it receives every event, those of a viewer in order, with fresh signatures",
			run:         faultyReceiver,
		},
		{
			name: "endpoint/two pushers", short: 1, long: 10,
			description: "two APIs deliver to one endpoint while a transaction stays open: the receiver gets each event once, and those of a viewer in order",
			run:         twoPushers,
		},
		{
			name: "endpoint/rebinding", short: 1, long: 10,
			description: "the name of an endpoint changes its address between two lookups: no request goes to the forbidden address",
			run:         rebindingReceiver,
		},
		{
			name: "endpoint/kills", short: 1, long: 10,
			description: "an API is killed at each step of a delivery: the receiver gets every event, those of a viewer in order",
			run:         killPushes,
		},
	}
}

// freshness is the largest age of a signature on arrival, on a busy machine.
const freshness = 8 * time.Second

// receiver is an endpoint. It listens on 127.0.0.1, which the programs may connect to, and
// on 127.0.0.2, which they may not, with the same port.
type receiver struct {
	w        *world
	port     string
	verifier *standardwebhooks.Webhook

	day int // of the test clock, after january31

	mu       sync.Mutex
	respond  func(w http.ResponseWriter, event string) int // status; 0 if it has responded
	ids      map[string]int                                // how often each event was accepted
	order    map[string][]string                           // accepted ids of a viewer, in the order of the first receipt
	requests int
}

// receiver starts a receiver and adds its endpoint with this host. The address must belong to
// the receiver.
func (w *world) receiver(host string) *receiver {
	r := &receiver{w: w, ids: map[string]int{}, order: map[string][]string{}}
	allowed, err := net.Listen("tcp", "127.0.0.1:0")
	w.require("receiver", err)
	_, r.port, _ = net.SplitHostPort(allowed.Addr().String())
	forbidden, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", r.port))
	w.require("forbidden receiver", err)
	for listener, handler := range map[net.Listener]http.HandlerFunc{allowed: r.receive, forbidden: r.receiveForbidden} {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: maxWait}
		go func() { _ = server.Serve(listener) }()
		w.atEnd(func() { _ = server.Close() })
	}
	out, err := w.billingctl("endpoint", "add", "--url", "http://"+net.JoinHostPort(host, r.port)+"/events", "--json").Output()
	w.require("billingctl endpoint add", err)
	var added struct{ Secret string }
	w.require("billingctl endpoint add", json.Unmarshal(out, &added))
	r.verifier, err = standardwebhooks.NewWebhook(added.Secret)
	w.require("secret", err)
	return r
}

// receive responds as the scenario says, and notes the events that it accepts.
func (r *receiver) receive(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	if err := r.verifier.VerifyIgnoringTimestamp(body, q.Header); err != nil {
		r.w.violated("I17: the signature of a webhook is wrong: %v", err)
	}
	var sent int64
	_, _ = fmt.Sscan(q.Header.Get("webhook-timestamp"), &sent)
	if age := time.Since(time.Unix(sent, 0)); age > freshness {
		r.w.violated("I17: a webhook was signed %v before it arrived", age.Round(time.Second))
	}
	var hook struct {
		Data struct {
			ID     string
			UserID string `json:"user_id"`
		}
	}
	if err := json.Unmarshal(body, &hook); err != nil || hook.Data.ID != q.Header.Get("webhook-id") {
		r.w.violated("I17: a webhook has the body %s, %v", body, err)
	}
	r.mu.Lock()
	r.requests++
	respond := r.respond
	r.mu.Unlock()
	status := http.StatusNoContent
	if respond != nil {
		status = respond(w, hook.Data.ID)
	}
	if status == 0 {
		return
	}
	if status < 300 {
		r.accept(hook.Data.UserID, hook.Data.ID)
	}
	w.Header().Set("Connection", "close") // so that each request dials
	w.WriteHeader(status)
}

func (r *receiver) accept(user, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id]++; r.ids[id] == 1 {
		r.order[user] = append(r.order[user], id)
	}
}

func (r *receiver) receiveForbidden(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path == "/redirected" {
		r.w.violated("I18: a redirect to 127.0.0.2 was followed")
	} else {
		r.w.violated("I18: a webhook went to 127.0.0.2, which is not allowed")
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) use(respond func(http.ResponseWriter, string) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.respond = respond
}

func (r *receiver) accepted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

// nextDay moves the test clock by a day, which is longer than most waits for a retry.
func (r *receiver) nextDay() {
	r.day++
	r.w.setClock(january31.AddDate(0, 0, r.day))
}

// await waits until is is true. It moves the test clock each second, because a batch that
// was in flight at the last move may have failed after it.
func (r *receiver) await(is func() bool) bool {
	moved := time.Now()
	return waitFor(maxWait, func() bool {
		if time.Since(moved) > time.Second {
			r.nextDay()
			moved = time.Now()
		}
		return r.w.ctx.Err() != nil || is()
	})
}

func (r *receiver) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// recordEvents records n events of some viewers, each in a transaction of its own.
func (w *world) recordEvents(n int) {
	for i := range n {
		_, err := w.pool.Exec(w.ctx, insertEvent, auth.UserID(fmt.Sprint("receiver-", i%15)), uuid.Must(uuid.NewV7()).String(), "renewed")
		w.require("record an event", err)
	}
	w.count("events recorded", n)
}

// awaitAll waits until the receiver has accepted all events, and checks their order (I17).
// once says that no failure explains a repetition.
func (r *receiver) awaitAll(once bool) {
	recorded := r.w.queryInt(`SELECT count(*) FROM events`)
	if !r.await(func() bool { return r.accepted() >= recorded }) {
		r.w.violated("I17: the receiver has %d of %d events", r.accepted(), recorded)
	}
	want := r.w.recordedEvents()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, user := range slices.Sorted(maps.Keys(want)) {
		if got := r.order[user]; len(got) == len(want[user]) && !slices.Equal(got, want[user]) {
			r.w.violated("I17: the events of %s were received in the order %v, want %v", user, got, want[user])
		}
	}
	for id, n := range r.ids {
		if once && n > 1 {
			r.w.violated("I17: the event %s was received %d times, although nothing failed", id, n)
		}
	}
	r.w.count("events received", len(r.ids))
}

const webhookNets = "BILLING_WEBHOOK_NETS=127.0.0.1/32"

// endpointWorld is a world with a receiver on a Postgres of its own, because transactions
// of other trials would delay the feed.
func (t *trial) endpointWorld(host string, vars ...string) (*world, *receiver) {
	w := t.worldOn(t.ownServer(false), append([]string{webhookNets}, vars...)...)
	w.setClock(january31)
	return w, w.receiver(host)
}

// faultyReceiver lets requests fail in all ways, then all of them for three days of the
// test clock.
func faultyReceiver(t *trial) {
	w, r := t.endpointWorld("127.0.0.1")
	rng := w.rng("responses")
	var mu sync.Mutex
	r.use(func(rw http.ResponseWriter, _ string) int {
		mu.Lock()
		fault := rng.IntN(12)
		mu.Unlock()
		switch fault {
		case 0:
			time.Sleep(300 * time.Millisecond) // a slow receiver
			return http.StatusOK
		case 1, 2:
			return http.StatusInternalServerError
		case 3, 4:
			rw.Header().Set("Location", "http://"+net.JoinHostPort("127.0.0.2", r.port)+"/redirected")
			return http.StatusTemporaryRedirect
		case 5:
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				_ = c.Close()
			}
			return 0
		case 6:
			return http.StatusTooManyRequests
		default:
			return http.StatusOK
		}
	})
	w.api()
	w.api()
	for step := range 6 {
		w.recordEvents(25)
		w.viewer(fmt.Sprint("receiver-", step)).subscribe("tok_ok")
		asked := r.asked()
		w.setClock(january31.Add(time.Duration(step+1) * 6 * time.Minute))
		waitFor(5*time.Second, func() bool { return r.asked() > asked+5 })
	}
	w.note("from now on the receiver responds with 500")
	r.use(func(http.ResponseWriter, string) int { return http.StatusInternalServerError })
	for range 3 {
		w.recordEvents(20)
		asked := r.asked()
		r.nextDay()
		if !r.await(func() bool { return r.asked() > asked }) {
			w.violated("I17: no try on day %d", r.day)
		}
	}
	refused := time.Now()
	waitFor(maxWait, func() bool { return time.Since(refused) > freshness+2*time.Second }) // so that old signatures are too old
	w.note("the receiver works again")
	r.use(nil)
	r.awaitAll(false)
	w.note("the receiver responds with 410")
	r.use(func(http.ResponseWriter, string) int { return http.StatusGone })
	w.recordEvents(20)
	if !r.await(func() bool { return w.queryInt(`SELECT count(*) FROM endpoints WHERE disabled_at IS NOT NULL`) == 1 }) {
		w.violated("I17: an endpoint that responds with 410 is not disabled")
	}
	r.use(nil)
	out, err := w.billingctl("endpoint", "enable").CombinedOutput()
	w.require(string(out), err)
	r.awaitAll(false)
}

// twoPushers delivers from two APIs. A transaction that has recorded an event commits late.
func twoPushers(t *trial) {
	w, r := t.endpointWorld("127.0.0.1")
	r.use(func(http.ResponseWriter, string) int {
		time.Sleep(10 * time.Millisecond)
		return http.StatusOK
	})
	w.api()
	w.api()
	w.recordEvents(60)
	commitLate := w.recordLate()
	for range 5 {
		w.recordEvents(60)
	}
	commitLate()
	r.awaitAll(true)
}

// rebindingReceiver resolves the name of the endpoint to the allowed and to the forbidden
// address in turn.
func rebindingReceiver(t *trial) {
	dns := t.nameServer("127.0.0.1", "127.0.0.2")
	w, r := t.endpointWorld("crm.example", "BILLING_TEST_DNS="+dns.address)
	w.apiOf(crashing)
	for step := range 8 {
		w.recordEvents(4)
		lookups := dns.lookups()
		r.nextDay()
		if !r.await(func() bool { return dns.lookups() > lookups || r.accepted() >= 4*(step+1) }) {
			w.inconclusive("the name was not resolved")
		}
	}
	dns.use("127.0.0.1")
	r.awaitAll(false)
	w.count("lookups", dns.lookups())
}

// pushes are the steps of a delivery.
var pushes = []killPoint{{"push.leased", 3}, {"push.before", 20}, {"push.after", 20}, {"push.recorded", 3}}

// killPushes kills an API at each step. The lease of the killed one is ended, as if its time
// were over.
func killPushes(t *trial) {
	w, r := t.endpointWorld("127.0.0.1")
	for _, p := range pushes {
		pass := 1 + t.rng(p.name).IntN(p.passes)
		w.recordEvents(30)
		if !w.awaitKill(w.crashingAPI(p, pass), p, pass) {
			return
		}
		_, err := w.pool.Exec(w.ctx, `UPDATE endpoints SET leased_until = now()`)
		w.require("end the lease", err)
		r.nextDay()
	}
	w.api()
	r.awaitAll(false)
}
