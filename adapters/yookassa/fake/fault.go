package fake

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Fault is a fault of one POST /v3/payments.
type Fault string

// The faults that prevent the payment.
const (
	LoseRequest     Fault = "lose_request" // the connection ends
	TooManyRequests Fault = "too_many"     // status 429
	BadGateway      Fault = "bad_gateway"  // status 502 of a proxy, with a page
	Redirect        Fault = "redirect"     // status 302
	Forbidden       Fault = "forbidden"    // status 403: the shop may not save methods
)

// The faults that do not prevent the payment. After InternalError, Processing and Pending
// it gets its final status when it is read or requested again.
const (
	NoFault       Fault = ""
	LoseResponse  Fault = "lose_response"  // the connection ends
	HoldResponse  Fault = "hold_response"  // no response until the caller gives up
	SlowResponse  Fault = "slow_response"  // the response takes slowFor
	HalfResponse  Fault = "half_response"  // the connection ends within the response
	InternalError Fault = "internal_error" // status 500
	Processing    Fault = "processing"     // status 202
	Pending       Fault = "pending"        // status 200, without a page for the viewer
	OtherPayment  Fault = "other_payment"  // the payment of another key
	Capture       Fault = "capture"        // the payment waits for its capture
	Decline       Fault = "decline"        // the bank declines the payment
)

const slowFor = 300 * time.Millisecond

// Fail queues faults. Each of the next requests takes one.
func (f *Fake) Fail(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, faults...)
}

// nextFault returns the fault of a request with a method. The caller holds mu.
func (f *Fake) nextFault(m Method) Fault {
	if len(f.faults) == 0 {
		return m.Fault
	}
	next := f.faults[0]
	f.faults = f.faults[1:]
	return next
}

// CutOff makes the fake lose all requests with the key, also those that are on their way,
// until Restore.
func (f *Fake) CutOff(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutOff[key] = true
}

// Restore makes the fake take requests with the key again.
func (f *Fake) Restore(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.cutOff, key)
}

func (t Fault) prevents() bool {
	switch t {
	case LoseRequest, TooManyRequests, BadGateway, Redirect, Forbidden:
		return true
	default:
		return false
	}
}

// instead responds to a request whose payment the fault prevents.
func (t Fault) instead(w http.ResponseWriter, _ *http.Request) {
	switch t {
	case TooManyRequests:
		respond(w, http.StatusTooManyRequests, failure{Code: "too_many_requests", RetryAfter: 1500})
	case BadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html>Bad gateway</html>"))
	case Redirect:
		w.Header().Set("Location", "/v3/me")
		w.WriteHeader(http.StatusFound)
	case Forbidden:
		respond(w, http.StatusForbidden, failure{Code: "forbidden", Description: "Forbidden to save payment method"})
	default:
		hangUp()
	}
}

// respond responds to a request that has made the payment.
func (t Fault) respond(w http.ResponseWriter, r *http.Request, p payment) {
	switch t {
	case LoseResponse:
		hangUp()
	case HoldResponse:
		<-r.Context().Done()
	case HalfResponse:
		body, _ := json.Marshal(p)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		hangUp()
	case InternalError:
		respond(w, http.StatusInternalServerError, failure{Code: "internal_server_error", Description: "Payment " + p.ID})
	case Processing:
		respond(w, http.StatusAccepted, failure{Type: "processing", RetryAfter: 250})
	case OtherPayment:
		p.Metadata = map[string]string{"payment_id": "another"}
		respond(w, http.StatusOK, p)
	case SlowResponse:
		pause := time.NewTimer(slowFor)
		defer pause.Stop()
		select {
		case <-r.Context().Done():
		case <-pause.C:
		}
		respond(w, http.StatusOK, p)
	default:
		respond(w, http.StatusOK, p)
	}
}

// hangUp ends the connection.
func hangUp() { panic(http.ErrAbortHandler) }
