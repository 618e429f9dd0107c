package fake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Config configures a fake. SecretKey and Now are required.
type Config struct {
	SecretKey string
	// Now gives the times of objects and of idempotency keys.
	Now func() time.Time
	// Slow is the duration of a response to pm_slow; 0 means one second.
	Slow time.Duration
	// Lag is how long a list does not show an object after its creation.
	Lag time.Duration
	// Lost is called when a response is withheld, after the request was processed or lost.
	Lost func()
	// Notify receives signed notifications of changes on pages. Without it there are none.
	Notify        func(header http.Header, body []byte)
	WebhookSecret string
}

// Fake is an account at Stripe. It is safe for concurrent use.
type Fake struct {
	cfg Config
	mux *http.ServeMux

	mu        sync.Mutex
	keys      map[string]*record
	faults    map[string][]Fault
	requests  []Request
	customers map[string]*customer
	methods   map[string]*method
	intents   []*intent
	sessions  []*session
	charges   []*charge
	refunds   []*refund
	late      []lateRequest
	lastID    int

	refundStatus string // of new refunds
}

// Request is a request that arrived.
type Request struct {
	Op     string // such as OpConfirm
	Header http.Header
	Form   url.Values
}

// New returns an account without objects.
func New(cfg Config) *Fake {
	cfg.Slow = cmp.Or(cfg.Slow, time.Second)
	f := &Fake{
		cfg: cfg, mux: http.NewServeMux(), keys: map[string]*record{}, faults: map[string][]Fault{},
		customers: map[string]*customer{}, methods: map[string]*method{},
	}
	operations := f.operations()
	maps.Copy(operations, f.refundOperations())
	for op, handle := range operations {
		f.mux.HandleFunc(op, func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, op, handle) })
	}
	f.mux.HandleFunc("GET "+pages+"{kind}/{id}", f.showPage)
	f.mux.HandleFunc("POST "+pages+"{kind}/{id}", f.replyToPage)
	return f
}

// ServeHTTP implements [http.Handler].
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.mux.ServeHTTP(w, r) }

// Operations of the API.
const (
	OpCustomer     = "POST /v1/customers"
	OpMethod       = "GET /v1/payment_methods/{id}"
	OpAttach       = "POST /v1/payment_methods/{id}/attach"
	OpDetach       = "POST /v1/payment_methods/{id}/detach"
	OpCreate       = "POST /v1/payment_intents"
	OpConfirm      = "POST /v1/payment_intents/{id}/confirm"
	OpCancel       = "POST /v1/payment_intents/{id}/cancel"
	OpIntent       = "GET /v1/payment_intents/{id}"
	OpIntents      = "GET /v1/payment_intents"
	OpSession      = "POST /v1/checkout/sessions"
	OpReadSession  = "GET /v1/checkout/sessions/{id}"
	OpExpire       = "POST /v1/checkout/sessions/{id}/expire"
	OpSessions     = "GET /v1/checkout/sessions"
	OpSetupIntent  = "GET /v1/setup_intents/{id}"
	OpCharges      = "GET /v1/charges"
	OpBalance      = "GET /v1/balance"
	maxRequestBody = 1 << 20
)

func (f *Fake) operations() map[string]operation {
	return map[string]operation{
		OpCustomer: f.createCustomer, OpMethod: f.readMethod, OpAttach: f.attach, OpDetach: f.detach,
		OpCreate: f.createIntent, OpConfirm: f.confirm, OpCancel: f.cancel, OpIntent: f.readIntent, OpIntents: f.listIntents,
		OpSession: f.createSession, OpReadSession: f.readSession, OpExpire: f.expire, OpSessions: f.listSessions, OpSetupIntent: f.readSetupIntent,
		OpCharges: f.listCharges, OpBalance: f.balance,
	}
}

// operation handles a request under the lock.
type operation func(in input) response

// input is a request as an operation sees it.
type input struct {
	url.Values        // the form or the query
	id         string // in the path
	host       string
	fault      Fault
}

// response is a response with its faults.
type response struct {
	status int
	body   any
	delay  time.Duration
	lost   bool
}

func ok(body any) response { return response{status: http.StatusOK, body: body} }

// failure returns an error response. The message has a secret, because Stripe's messages
// are not to be trusted.
func failure(status int, typ, code, param string) response {
	return response{status: status, body: map[string]any{"error": map[string]any{
		"type": typ, "code": code, "param": param, "message": "See " + SecretWord + ".",
	}}}
}

// SecretWord is in the message of each error response. It must be in no error of the
// adapter.
const SecretWord = "word-of-the-response" //nolint:gosec // not a credential

func invalid(code, param string) response {
	return failure(http.StatusBadRequest, "invalid_request_error", code, param)
}

func missing(param string) response {
	return failure(http.StatusNotFound, "invalid_request_error", "resource_missing", param)
}

func (f *Fake) serve(w http.ResponseWriter, r *http.Request, op string, handle operation) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
	form, parsed := url.ParseQuery(string(body))
	if err != nil || parsed != nil {
		write(w, invalid("parameter_invalid", ""))
		return
	}
	if r.Method == http.MethodGet {
		form = r.URL.Query()
	}
	fault := f.arrive(Request{Op: op, Header: r.Header.Clone(), Form: form})
	if r.Header.Get("Authorization") != "Bearer "+f.cfg.SecretKey {
		fault = Unauthorized
	}
	resp, replayed, early := fault.before()
	if !early {
		in := input{Values: form, id: r.PathValue("id"), host: r.Host, fault: fault}
		resp, replayed = f.once(r, string(body), fault, func() response { return handle(in) })
	}
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	f.respond(w, r, resp, fault)
}

// arrive records a request and returns its fault.
func (f *Fake) arrive(r Request) (fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	f.requests = append(f.requests, r)
	if queue := f.faults[r.Op]; len(queue) > 0 {
		fault, f.faults[r.Op] = queue[0], queue[1:]
	}
	return fault
}

// Requests returns the requests that arrived for an operation.
func (f *Fake) Requests(op string) (found []Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if r.Op == op {
			found = append(found, r)
		}
	}
	return found
}

func (f *Fake) newID(prefix string) string {
	f.lastID++
	return fmt.Sprintf("%s_%06d", prefix, f.lastID)
}

func write(w http.ResponseWriter, resp response) {
	text, err := json.Marshal(resp.body)
	if err != nil {
		resp.status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(resp.status)
	_, _ = w.Write(text)
}
