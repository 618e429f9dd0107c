package fake

import (
	"context"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"
)

// Config configures a fake. ShopID and SecretKey are required.
type Config struct {
	ShopID, SecretKey string
	// Notify sends the body of a notification after the viewer has replied to a page. It
	// may be nil.
	Notify func(ctx context.Context, body []byte)
	// Receipts makes the fake refuse payments without a receipt.
	Receipts bool
}

// Fake is a shop at YooKassa. It is safe for concurrent use.
type Fake struct {
	cfg Config
	mux *http.ServeMux

	mu       sync.Mutex
	ahead    time.Duration // of the fake's clock before the wall clock
	listLag  time.Duration
	payments []*payment // in the order of their creation
	keys     map[string]use
	methods  map[string]Method
	saves    map[string]*savedMethod // without a payment, by key
	faults   []Fault
	cutOff   map[string]bool // keys whose requests are lost

	refunds      []*refund // in the order of their creation
	refundKeys   map[string]refundUse
	refundFaults []Fault
	holdRefunds  bool
}

// use is the first request with a key.
type use struct {
	body    string
	payment *payment
	at      time.Time
}

// keyLife is how long a key is remembered.
const keyLife = 24 * time.Hour

// New returns a fake without payments.
func New(cfg Config) *Fake {
	f := &Fake{cfg: cfg, mux: http.NewServeMux(), keys: map[string]use{}, methods: map[string]Method{}, saves: map[string]*savedMethod{}, cutOff: map[string]bool{}, refundKeys: map[string]refundUse{}}
	f.mux.HandleFunc("POST /v3/payments", f.authorized(post(f.take)))
	f.mux.HandleFunc("GET /v3/payments", f.authorized(f.list))
	f.mux.HandleFunc("GET /v3/payments/{id}", f.authorized(f.read))
	f.mux.HandleFunc("POST /v3/payment_methods", f.authorized(post(f.takeSave)))
	f.mux.HandleFunc("GET /v3/payment_methods/{id}", f.authorized(f.readSave))
	f.mux.HandleFunc("POST /v3/refunds", f.authorized(post(f.takeRefund)))
	f.mux.HandleFunc("GET /v3/refunds", f.authorized(f.listRefunds))
	f.mux.HandleFunc("GET /v3/refunds/{id}", f.authorized(f.readRefund))
	f.mux.HandleFunc("GET /v3/me", f.authorized(f.me))
	f.mux.HandleFunc("GET /checkout/{id}", showPage)
	f.mux.HandleFunc("POST /checkout/{id}", f.reply)
	f.mux.HandleFunc("/v3/", f.authorized(func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusNotFound, failure{Code: "not_found", Description: "Unknown address"})
	}))
	return f
}

// ServeHTTP implements [http.Handler].
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.mux.ServeHTTP(w, r) }

// Advance moves the fake's clock forward.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead += d
}

// Now returns the time on the fake's clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now()
}

// now returns the time as the API reports it, in milliseconds. The caller holds mu.
func (f *Fake) now() time.Time { return time.Now().UTC().Add(f.ahead).Truncate(time.Millisecond) }

// SetListLag makes lists omit payments that are younger than d. It returns the former lag.
func (f *Fake) SetListLag(d time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	former := f.listLag
	f.listLag = d
	return former
}

func (f *Fake) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shop, key, _ := r.BasicAuth()
		got, want := shop+":"+key, f.cfg.ShopID+":"+f.cfg.SecretKey
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
			respond(w, http.StatusUnauthorized, failure{Code: "invalid_credentials", Description: "Error in shopId or secret key " + key})
			return
		}
		next(w, r)
	}
}

func (f *Fake) me(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, map[string]any{
		"account_id": f.cfg.ShopID, "status": "enabled", "test": true, "fiscalization_enabled": false,
		"payment_methods": []string{"bank_card"},
	})
}
