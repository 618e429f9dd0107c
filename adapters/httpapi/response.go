package httpapi

import (
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/core/ports"
)

// response is a rendered response. Its status and body are stored for replay.
type response struct {
	status     int
	body       []byte
	replayed   bool
	retryAfter int // seconds; 0 sends no Retry-After
}

func (r response) stored() ports.Response { return ports.Response{Status: r.status, Body: r.body} }

// replayOf returns the stored response to an earlier request with the same key.
func replayOf(a ports.Response) response {
	return response{status: a.Status, body: a.Body, replayed: true}
}

func (r response) write(w http.ResponseWriter) {
	r.setHeaders(w.Header())
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // fails only if the client has disconnected
}

func (r response) setHeaders(h http.Header) {
	h["Content-Type"] = typeJSON
	if r.status >= http.StatusBadRequest {
		h["Content-Type"] = typeProblem
		h["Cache-Control"] = noStore
	}
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="billing"`)
	}
	if r.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retryAfter))
	}
	if r.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
}

// VisitSubscribeResponse implements [api.SubscribeResponseObject].
func (r response) VisitSubscribeResponse(w http.ResponseWriter) error { r.write(w); return nil }

// VisitAddCardResponse implements [api.AddCardResponseObject].
func (r response) VisitAddCardResponse(w http.ResponseWriter) error { r.write(w); return nil }

// VisitCancelSubscriptionResponse implements [api.CancelSubscriptionResponseObject].
func (r response) VisitCancelSubscriptionResponse(w http.ResponseWriter) error {
	r.write(w)
	return nil
}

// VisitResumeSubscriptionResponse implements [api.ResumeSubscriptionResponseObject].
func (r response) VisitResumeSubscriptionResponse(w http.ResponseWriter) error {
	r.write(w)
	return nil
}
