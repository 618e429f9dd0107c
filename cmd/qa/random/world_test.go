package random

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// dial opens a connection to the fake.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// system is a payment system: the real adapter and its fake.
type system interface {
	ports.Provider
	ports.Listener
	code() string
	fake() http.Handler
	// name returns the name of the operation of a request.
	name(r *http.Request) string
	// faults returns the faults of the payment system itself that a request can have in such
	// a world, and fail lets the request have one of them.
	faults(r *http.Request, lagging bool) []fault
	fail(r *http.Request, f fault)
	// token returns a token that a new browser sends, or none if the viewer pays on a page.
	token(rng *rand.Rand, n int) billing.Secret
	// reply replies to a page of the payment system.
	reply(page string, approve bool)
	// announce sends the notification about a payment as it is now.
	announce(payment string)
	// taken returns the money that was taken for each payment.
	taken() map[billing.PaymentID][]billing.Money
}

// newSystem returns a payment system whose lists lag. It notifies by notify.
type newSystem func(d dial, lag time.Duration, notify func(ports.Notification)) (system, error)

// world is a shop with its viewers. Only its driver and what the driver calls changes it.
type world struct {
	system  system
	store   *memory.Store
	retries billing.RetrySchedule
	prices  map[string]billing.Money // by plan
	rng     *rand.Rand
	rate    float64 // of the requests that have a fault
	// lagging reports that lists lag for longer than the settling time, so that only the
	// idempotency key prevents a second charge. That suffices for renewals within their
	// period, so only renewals have faults, and periods are long.
	lagging bool
	faulty  bool
	script  func(*http.Request) fault // instead of random faults
	running *process
	nested  bool // another process runs while a request waits

	listFault   fault // of the current lookup
	listDelay   time.Duration
	noDial      bool
	outageUntil time.Time
	ahead       time.Duration // of the billing clock
	viewers     []billing.UserID
	mailbox     []ports.Notification

	mu     sync.Mutex
	ids    int
	trace  []string
	counts map[fault]int
}

// inWorld runs f in a new world, whose random choices follow from two numbers.
func inWorld(t *testing.T, create newSystem, seed, n uint64, f func(w *world)) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, n))
	lag := pick(rng, 0, 0, time.Duration(rng.Int64N(int64(90*time.Second))), 30*time.Hour)
	inWorldWith(t, create, rng, lag, f)
}

// inWorldWith runs f in a new world in which lists lag. Nothing fails until live is called.
func inWorldWith(t *testing.T, create newSystem, rng *rand.Rand, lag time.Duration, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{store: memory.New(), rng: rng, prices: map[string]billing.Money{}, counts: map[fault]int{}}
		w.lagging, w.rate = lag > time.Hour, pick(w.rng, 0.1, 0.4, 0.7)
		n := newNetwork()
		var err error
		w.system, err = create(w.dial(n), lag, func(n ports.Notification) { w.mailbox = append(w.mailbox, n) })
		if err != nil {
			t.Fatal(err)
		}
		server := n.serve(wire{w})
		defer func() { _ = server.Close() }()
		w.running = w.immortal()
		if err := w.open(); err != nil {
			t.Fatal(err)
		}
		f(w)
	})
}

// open sells two plans.
func (w *world) open() (err error) {
	const day = 24 * time.Hour
	if w.retries, err = billing.NewRetrySchedule(day, 3*day, 5*day, 7*day); err != nil {
		return err
	}
	c := operators.Catalog{Store: w.store, Clock: w, NewID: w.newID, By: operators.CLIOperator()}
	if _, err := c.AddPaymentSystem(context.Background(), billing.PaymentSystem{Code: w.system.code(), Name: "Payments"}); err != nil {
		return err
	}
	months := 1
	if w.lagging {
		months = 12
	}
	for i, code := range plans() {
		p := billing.Plan{Code: code, Name: code, Price: rubles(399_00 + 250_00*int64(i)), IntervalMonths: months, Group: code}
		if p, err = c.AddPlan(context.Background(), p); err != nil {
			return err
		}
		w.prices[code] = p.Price
	}
	return nil
}

// plans returns the codes of the plans. A viewer can have both.
func plans() []string { return []string{"basic", "extra"} }

func rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// dial returns connections of n, unless the current call can make none.
func (w *world) dial(n *network) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if w.noDial {
			return nil, &net.OpError{Op: "dial", Err: io.EOF}
		}
		return n.Dial(ctx, network, address)
	}
}

// begin draws the faults that a whole call of the adapter has.
func (w *world) begin() {
	w.listFault, w.noDial = noFault, false
	if !w.faulty || w.nested {
		return
	}
	if w.isDown() {
		w.listFault = loseResponse
	} else if w.chance(w.rate / 2) {
		w.listFault = pick(w.rng, loseResponse, holdResponse, truncate, proxyPage, redirected, busy, busyFor7s)
		w.listDelay = w.upTo(20 * time.Second)
	}
	if w.noDial = w.chance(w.rate / 10); w.noDial {
		w.happened(refused)
	}
}

// isDown reports whether the payment system loses everything.
func (w *world) isDown() bool { return time.Now().Before(w.outageUntil) }

// Now implements [ports.Clock]. It is the billing clock.
func (w *world) Now() time.Time { return time.Now().UTC().Add(w.ahead).Truncate(time.Microsecond) }

// newID returns an id that no other call returns.
func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("01890000-0000-7000-8000-%012d", w.ids)
}

// note adds a line to the trace.
func (w *world) note(payment, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now().UTC().Format("01-02 15:04:05.000")
	w.trace = append(w.trace, at+" "+payment+" "+fmt.Sprintf(format, args...))
}

// happened counts a fault.
func (w *world) happened(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f != noFault {
		w.counts[f]++
	}
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// upTo draws a duration. No two are equal, so that the order of events follows from them.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d)) + 1) }

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }
