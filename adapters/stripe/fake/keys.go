package fake

import (
	"net/http"
	"time"
)

// keyAge is how long an idempotency key is remembered.
const keyAge = 24 * time.Hour

// record is the record of an idempotency key.
type record struct {
	request  string // method, path and body
	response response
	running  bool
	at       time.Time
}

// once runs handle, or returns the recorded response of the request's key. Like Stripe, it
// records successes, declines and faults of Stripe, but no invalid requests.
func (f *Fake) once(r *http.Request, body string, fault Fault, handle func() response) (resp response, replayed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	if r.Method == http.MethodGet || key == "" {
		return f.execute(fault, handle), false
	}
	request := r.Method + " " + r.URL.Path + " " + body
	known := f.keys[key]
	switch {
	case known == nil, f.cfg.Now().Sub(known.at) >= keyAge:
	case known.request != request:
		return failure(http.StatusBadRequest, "idempotency_error", "", ""), false
	case known.running:
		return running(), false
	default:
		return known.response, true
	}
	resp = f.execute(fault, handle)
	if resp.status < 400 || resp.status == http.StatusPaymentRequired || resp.status >= 500 {
		recorded := resp
		recorded.delay, recorded.lost = 0, false
		f.keys[key] = &record{request: request, response: recorded, running: resp.delay > 0, at: f.cfg.Now()}
	}
	return resp, false
}

// finish ends a request that was running.
func (f *Fake) finish(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.keys[r.Header.Get("Idempotency-Key")]; known != nil {
		known.running = false
	}
}

// ForgetKeys forgets all idempotency keys.
func (f *Fake) ForgetKeys() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.keys)
}

func running() response {
	return failure(http.StatusConflict, "invalid_request_error", "idempotency_key_in_use", "")
}
