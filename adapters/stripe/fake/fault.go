package fake

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Fault is a fault of one request.
type Fault string

// The faults.
const (
	NoFault      Fault = ""
	LoseRequest  Fault = "lose request"  // it is not processed, and there is no response
	LoseResponse Fault = "lose response" // it is processed, and there is no response
	Fail         Fault = "fail"          // status 500, not processed, recorded under its key
	FailAfter    Fault = "fail after"    // status 500, processed, recorded under its key
	FailEarly    Fault = "fail early"    // status 500, recorded under its key, processed lateBy afterwards
	Decline      Fault = "decline"       // the bank declines this confirmation
	Unavailable  Fault = "unavailable"   // status 503, not processed, not recorded
	Busy         Fault = "busy"          // status 429
	BusyFor7s    Fault = "busy for 7 s"  // status 429 with Retry-After
	Running      Fault = "running"       // status 409
	Locked       Fault = "locked"        // status 429 with the code lock_timeout
	Unauthorized Fault = "unauthorized"  // status 401
	Forbidden    Fault = "forbidden"     // status 403
	Quote        Fault = "quote"         // status 400 whose code and parameter are secret texts
	HTML         Fault = "HTML"          // status 502 with a page
	ProxyRefusal Fault = "proxy refusal" // status 403 with a page
	ProxyMissing Fault = "proxy missing" // status 404 with a page
	Redirect     Fault = "redirect"      // status 302
	HalfBody     Fault = "half body"     // processed, half of the response arrives
	LongBody     Fault = "long body"     // processed, the response has 10 MB
)

// Next gives the next requests of an operation these faults.
func (f *Fake) Next(op string, faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[op] = append(f.faults[op], faults...)
}

// before returns the response to a request that is not processed because of the fault.
func (x Fault) before() (resp response, replayed, early bool) {
	responses := map[Fault]response{
		LoseRequest:  {lost: true},
		Unavailable:  failure(http.StatusServiceUnavailable, "api_error", "", ""),
		Busy:         failure(http.StatusTooManyRequests, "invalid_request_error", "rate_limit", ""),
		BusyFor7s:    failure(http.StatusTooManyRequests, "invalid_request_error", "rate_limit", ""),
		Running:      running(),
		Locked:       failure(http.StatusTooManyRequests, "invalid_request_error", "lock_timeout", ""),
		Unauthorized: failure(http.StatusUnauthorized, "invalid_request_error", "", ""),
		Forbidden:    failure(http.StatusForbidden, "invalid_request_error", "", ""),
		Quote:        invalid(SecretWord, "PM "+SecretWord),
		HTML:         {status: http.StatusBadGateway},
		ProxyRefusal: {status: http.StatusForbidden},
		ProxyMissing: {status: http.StatusNotFound},
		Redirect:     {status: http.StatusFound},
	}
	resp, early = responses[x]
	return resp, false, early
}

// lateBy is the time between a response and the effect of its request after FailEarly.
const lateBy = 40 * time.Second

// lateRequest is a request whose effect follows.
type lateRequest struct {
	at     time.Time
	handle func() response
}

// catchUp processes the late requests whose time has come. The caller holds mu.
func (f *Fake) catchUp() {
	for len(f.late) > 0 && !f.cfg.Now().Before(f.late[0].at) {
		f.late[0].handle()
		f.late = f.late[1:]
	}
}

// execute runs a request, or fails it with status 500. The caller holds mu.
func (f *Fake) execute(x Fault, handle func() response) response {
	failed := failure(http.StatusInternalServerError, "api_error", "", "")
	switch x {
	case Fail:
		return failed
	case FailAfter:
		handle()
		return failed
	case FailEarly:
		f.late = append(f.late, lateRequest{f.cfg.Now().Add(lateBy), handle})
		return failed
	case LoseResponse:
		resp := handle()
		resp.lost = true
		return resp
	default:
		return handle()
	}
}

// respond writes the response, as far as the fault lets it.
func (f *Fake) respond(w http.ResponseWriter, r *http.Request, resp response, fault Fault) {
	switch {
	case resp.lost:
		if f.cfg.Lost != nil {
			f.cfg.Lost()
		}
		<-r.Context().Done()
		return
	case resp.delay > 0:
		f.hold(r, resp.delay)
	}
	switch fault {
	case HTML, ProxyRefusal, ProxyMissing, Redirect:
		w.Header().Set("Location", "https://"+SecretWord+".example/")
		w.WriteHeader(resp.status)
		_, _ = io.WriteString(w, "<html>"+SecretWord+"</html>")
	case HalfBody:
		text, _ := json.Marshal(resp.body) //nolint:errchkjson // maps of texts and numbers
		_, _ = w.Write(text[:len(text)/2])
	case LongBody:
		_, _ = w.Write(bytes.Repeat([]byte(" "), 10_000_000))
	case BusyFor7s:
		w.Header().Set("Retry-After", "7")
		write(w, resp)
	default:
		write(w, resp)
	}
}

// hold waits before a response. The request counts as running until then.
func (f *Fake) hold(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
	f.finish(r)
}
