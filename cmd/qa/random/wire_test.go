package random

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// fault is a fault of one request. A payment system has more: see [system].
type fault string

const (
	noFault       fault = ""
	loseRequest   fault = "request lost"
	loseResponse  fault = "response lost"
	holdRequest   fault = "request held"  // it arrives later, perhaps after its caller has given up
	holdResponse  fault = "response held" // likewise
	truncate      fault = "truncated JSON"
	proxyPage     fault = "502 HTML"
	proxyPageLate fault = "502 HTML after processing"
	proxyRefusal  fault = "4xx HTML"
	redirected    fault = "302"
	busy          fault = "429"
	busyFor7s     fault = "429 with Retry-After"
	overtaken     fault = "notification and sweep before the response"
	refused       fault = "connection refused"
)

// faultsOf returns the faults of a request that reads, or that writes.
func faultsOf(r *http.Request) []fault {
	reads := []fault{loseResponse, holdResponse, truncate, proxyPage, redirected, busy, busyFor7s}
	if r.Method == http.MethodGet {
		return reads
	}
	return append(reads, proxyRefusal, loseRequest, loseResponse, holdRequest, holdRequest, proxyPageLate, overtaken)
}

// wire is the way from the adapter to the fake and back.
type wire struct{ *world }

// ServeHTTP passes a request on, as far as its fault and the life of its process allow.
func (w wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.happened(noFault) // orders this request after earlier ones whose callers have given up
	caller, p, name := r.Context(), w.running, w.system.name(r)
	if err != nil || !isList(r) && !p.step("before "+name) {
		hangUp()
	}
	process := func() *httptest.ResponseRecorder {
		again := r.Clone(context.WithoutCancel(caller))
		again.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		w.system.fake().ServeHTTP(rec, again)
		return rec
	}
	f := w.draw(r)
	var delay time.Duration
	if f == holdRequest || f == holdResponse {
		delay = w.delay(r)
	}
	w.happened(f)
	switch f {
	case loseRequest:
		hangUp()
	case proxyPage:
		page(rw, http.StatusBadGateway)
		return
	case proxyRefusal:
		page(rw, pick(w.rng, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout))
		return
	case redirected:
		page(rw, http.StatusFound)
		return
	case busy, busyFor7s:
		if f == busyFor7s {
			rw.Header().Set("Retry-After", "7")
		}
		rw.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(rw, `{"type":"error","error":{}}`)
		return
	case holdRequest:
		time.Sleep(delay)
	default:
		w.system.fail(r, f)
	}
	resp := process()
	switch f {
	case loseResponse:
		hangUp()
	case proxyPageLate:
		page(rw, http.StatusBadGateway)
		return
	case truncate:
		resp.Body.Truncate(resp.Body.Len() / 2)
	case holdResponse:
		time.Sleep(delay)
	case overtaken:
		w.overtake(r)
	}
	if gone := caller.Err() != nil; !gone && !isList(r) && !p.step("after "+name) {
		hangUp()
	}
	for name, values := range resp.Header() {
		rw.Header()[name] = values
	}
	rw.WriteHeader(resp.Code)
	_, _ = rw.Write(resp.Body.Bytes())
}

// isList reports whether a request reads a list. The parts of a list are read concurrently,
// so they share the fault that was drawn for their lookup.
func isList(r *http.Request) bool {
	path := r.URL.Path
	return r.Method == http.MethodGet && (strings.HasSuffix(path, "s") && !strings.HasSuffix(path, "/payment_methods"))
}

// page writes the page of a proxy.
func page(rw http.ResponseWriter, status int) {
	rw.Header().Set("Location", "https://elsewhere.example/")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "<html>Sorry</html>")
}

// hangUp ends the connection without a response.
func hangUp() { panic(http.ErrAbortHandler) }

// draw returns the fault of a request.
func (w wire) draw(r *http.Request) fault {
	switch {
	case w.script != nil:
		return w.script(r)
	case !w.faulty || w.nested:
		return noFault
	case isList(r):
		return w.listFault
	case w.isDown() && r.Method == http.MethodGet:
		return loseResponse
	case w.isDown():
		return pick(w.rng, loseRequest, loseResponse)
	case r.Method == http.MethodGet && !w.chance(w.rate/2), r.Method != http.MethodGet && !w.chance(w.rate):
		return noFault
	}
	return pick(w.rng, append(faultsOf(r), w.system.faults(r, w.lagging)...)...)
}

// delay draws how long a request or a response is held. Both payment systems settle within
// five minutes: the longest delay and the longest lag of a list together are shorter.
func (w wire) delay(r *http.Request) time.Duration {
	if isList(r) {
		return w.listDelay
	}
	return w.upTo(pick(w.rng, 2*time.Second, 20*time.Second, 3*time.Minute))
}

// overtake lets a notification arrive and another process sweep before the response to a
// charge.
func (w wire) overtake(r *http.Request) {
	w.nested = true
	defer func() { w.nested = false }()
	w.system.announce(keyOf(r))
	for _, n := range w.takeMail() {
		w.deliver(n)
	}
	w.in(w.immortal(), func(p *process) { p.sweep() })
}

// keyOf returns the payment of a request that writes.
func keyOf(r *http.Request) string {
	key, _, _ := strings.Cut(r.Header.Get("Idempotency-Key")+r.Header.Get("Idempotence-Key"), ":")
	return key
}
