package simulator

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/core/ports"
)

// Code is the simulator's code as a payment system.
const Code = "simulator"

// Role is the database role that the simulator's connections take on. Nothing
// else may write its books.
const Role = "billing_simulator"

// Config says how the simulator behaves. All but the clock may be left out.
type Config struct {
	// Clock stamps the books and decides when a confirmation comes too late.
	Clock ports.Clock

	// BaseURL is where [Simulator.Handler] is reached, without a slash at the
	// end. Without it nobody can confirm anything.
	BaseURL string
	// ActionTTL is how long a viewer may take to confirm; 0 is 15 minutes.
	ActionTTL time.Duration

	// Slow is how long tok_slow takes; 0 is 2 seconds.
	Slow time.Duration
	// HoldLost is how long a call whose answer is lost hangs if its caller does
	// not give up earlier; 0 is 1 minute.
	HoldLost time.Duration
	// Latency is how long each answer takes; nil is no time. See [LogNormal].
	Latency func() time.Duration
	// Wall is the time that charges take which are settled without the viewer;
	// nil is the wall clock's.
	Wall func() time.Time
	// Wait waits for d or until ctx ends, and returns the error of ctx then. nil
	// waits for real.
	Wait func(ctx context.Context, d time.Duration) error

	// Fault chooses what goes wrong with a charge; nil, or [NoFault], leaves it
	// to Odds. It is called at once from many goroutines. See [Script].
	Fault func(ports.ChargeRequest) Fault
	// Odds are what may go wrong at random.
	Odds Odds
}

// Simulator is a payment system with its ledger. It is safe for concurrent use.
type Simulator struct {
	pool *pgxpool.Pool
	cfg  Config
	odds func() Fault
	lost func() bool // the answer to a look-up
}

var (
	_ ports.Provider = (*Simulator)(nil)
	_ ports.Ledger   = (*Simulator)(nil)
)

// New makes a simulator that keeps its books through pool, whose connections
// have taken on [Role]. The pool is the simulator's alone, as a foreign system
// would have its own.
func New(pool *pgxpool.Pool, cfg Config) *Simulator {
	cfg.ActionTTL = cmp.Or(cfg.ActionTTL, 15*time.Minute)
	cfg.Slow = cmp.Or(cfg.Slow, 2*time.Second)
	cfg.HoldLost = cmp.Or(cfg.HoldLost, time.Minute)
	if cfg.Latency == nil {
		cfg.Latency = func() time.Duration { return 0 }
	}
	if cfg.Wall == nil {
		cfg.Wall = time.Now
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	return &Simulator{pool: pool, cfg: cfg, odds: cfg.Odds.dice(), lost: cfg.Odds.lookups()}
}
