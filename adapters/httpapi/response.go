package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/core/ports"
)

// response is a rendered response. Its status and body are stored for replay.
type response struct {
	status     int
	body       []byte
	replayed   bool
	retryAfter int    // seconds; 0 sends no Retry-After
	challenge  string // value of WWW-Authenticate; empty sends none
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
	if r.challenge != "" {
		h.Set("WWW-Authenticate", r.challenge)
	}
	if r.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retryAfter))
	}
	if r.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
}

// writeCreated writes the response and the address of a resource that the request
// created. The address comes from the body, so that a replay has it too.
func (r response) writeCreated(w http.ResponseWriter, collection string) error {
	if r.status == http.StatusCreated || r.status == http.StatusAccepted {
		var created struct{ ID string }
		if err := json.Unmarshal(r.body, &created); err != nil {
			return fmt.Errorf("find the id of the created resource: %w", err)
		}
		w.Header()["Location"] = []string{collection + "/" + created.ID}
	}
	r.write(w)
	return nil
}

// VisitSubscribeResponse implements [api.SubscribeResponseObject].
func (r response) VisitSubscribeResponse(w http.ResponseWriter) error {
	return r.writeCreated(w, "/v1/subscriptions")
}

// VisitPaySubscriptionResponse implements [api.PaySubscriptionResponseObject].
func (r response) VisitPaySubscriptionResponse(w http.ResponseWriter) error {
	r.write(w)
	return nil
}

// VisitReplacePaymentMethodResponse implements
// [api.ReplacePaymentMethodResponseObject].
func (r response) VisitReplacePaymentMethodResponse(w http.ResponseWriter) error {
	r.write(w)
	return nil
}

// VisitAddCardResponse implements [api.AddCardResponseObject].
func (r response) VisitAddCardResponse(w http.ResponseWriter) error {
	return r.writeCreated(w, "/v1/cards")
}

// VisitLinkPaymentMethodResponse implements [api.LinkPaymentMethodResponseObject]. A
// payment method has no address of its own.
func (r response) VisitLinkPaymentMethodResponse(w http.ResponseWriter) error {
	r.write(w)
	return nil
}

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
