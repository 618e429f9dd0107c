package httpapi

import (
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/core/ports"
)

// answer is a rendered answer: what is sent, and what is kept for repetitions,
// byte for byte.
type answer struct {
	status     int
	body       []byte
	replayed   bool
	retryAfter int // seconds; 0 says nothing
}

func (a answer) kept() ports.Response { return ports.Response{Status: a.status, Body: a.body} }

// again is a kept answer that is sent to a repetition.
func again(a ports.Response) answer { return answer{status: a.Status, body: a.Body, replayed: true} }

func (a answer) write(w http.ResponseWriter) {
	a.describe(w.Header())
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that has gone away is its own affair
}

// describe sets the headers that belong to the answer.
func (a answer) describe(h http.Header) {
	h["Content-Type"] = typeJSON
	if a.status >= http.StatusBadRequest {
		h["Content-Type"] = typeProblem
		h["Cache-Control"] = noStore
	}
	if a.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="billing"`)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	if a.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
}

// VisitSubscribeResponse sends the answer.
func (a answer) VisitSubscribeResponse(w http.ResponseWriter) error { a.write(w); return nil }

// VisitAddCardResponse sends the answer.
func (a answer) VisitAddCardResponse(w http.ResponseWriter) error { a.write(w); return nil }

// VisitCancelSubscriptionResponse sends the answer.
func (a answer) VisitCancelSubscriptionResponse(w http.ResponseWriter) error { a.write(w); return nil }

// VisitResumeSubscriptionResponse sends the answer.
func (a answer) VisitResumeSubscriptionResponse(w http.ResponseWriter) error { a.write(w); return nil }
