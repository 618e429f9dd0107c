package simulator

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Code is the simulator's code as a payment system.
const Code = "simulator"

// Role is the database role of the simulator's connections. No other role can write
// its tables.
const Role = "billing_simulator"

// Config configures a simulator. Only Clock is required.
type Config struct {
	// Clock gives the times in the ledger, and the time limit of confirmations.
	Clock ports.Clock

	// BaseURL is the address of [Simulator.Handler], without a slash at the end.
	// Viewers need it to confirm payments.
	BaseURL string
	// ActionTTL is the time that a viewer has to confirm; 0 means 15 minutes.
	ActionTTL time.Duration

	// Notify sends a notification of a change that the viewer made on a page. It must not
	// block. Without it or NotifySecret there are no notifications, and all are forged.
	Notify func(ctx context.Context, header map[string][]string, body []byte)
	// NotifySecret signs notifications.
	NotifySecret billing.Secret

	// Slow is the duration of a charge with tok_slow; 0 means 2 seconds.
	Slow time.Duration
	// HoldLost is the duration for which a call with a lost response hangs, unless
	// its caller gives up earlier; 0 means 1 minute.
	HoldLost time.Duration
	// Latency returns the duration of a response; nil means none. See [LogNormal].
	Latency func() time.Duration
	// Wall returns the time by which payments settle without the viewer; nil means
	// the wall clock.
	Wall func() time.Time
	// Wait waits for d. If ctx ends first, it returns the error of ctx. nil means a
	// real wait.
	Wait func(ctx context.Context, d time.Duration) error

	// Lag is how long a charge is not found after it was stored, on the clock of the
	// database.
	Lag time.Duration
	// Horizon is how long a key is recognized, on the clock of the database; 0 means for
	// ever. Later, the key is new again.
	Horizon time.Duration

	// Receipts are the terms of the receipts that every charge needs; nil means none.
	Receipts *billing.ReceiptTerms
	// ReceiptDelay is how long a receipt is pending, on the wall clock; 0 means not at all.
	ReceiptDelay time.Duration

	// Fault returns the fault of a charge. If Fault is nil or returns [NoFault], Odds
	// decide. It must be safe for concurrent use. See [Script].
	Fault func(ports.ChargeRequest) Fault
	// Odds are the probabilities of random faults.
	Odds Odds
}

// Simulator is a payment system with its ledger. It is safe for concurrent use.
type Simulator struct {
	pool        *pgxpool.Pool
	cfg         Config
	randomFault func() Fault
	losesLookup func() bool
	// failsReceipt draws whether a new receipt fails.
	failsReceipt func() bool
}

var (
	_ ports.Provider  = (*Simulator)(nil)
	_ ports.Ledger    = (*Simulator)(nil)
	_ ports.Listener  = (*Simulator)(nil)
	_ ports.Saver     = (*Simulator)(nil)
	_ ports.Refunder  = (*Simulator)(nil)
	_ ports.Canceller = (*Simulator)(nil)
	_ ports.Forgetter = (*Simulator)(nil)
	_ ports.Prober    = (*Simulator)(nil)
)

// Capabilities implements [ports.Provider].
func (s *Simulator) Capabilities() ports.Capabilities {
	return ports.Capabilities{
		KeyLimits: billing.KeyLimits{Settling: s.cfg.Lag, Horizon: s.cfg.Horizon},
		Accepts:   []ports.Means{ports.ByToken, ports.ByPage, ports.ByCard},
		Receipts:  s.cfg.Receipts,
	}
}

// Probe checks the connection. See [ports.Prober].
func (s *Simulator) Probe(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}

// New returns a simulator that stores its data through pool. The connections of the
// pool must work as [Role]. No other code must use the pool, because a foreign system
// would have its own connections.
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
	return &Simulator{pool: pool, cfg: cfg, randomFault: cfg.Odds.faults(), losesLookup: cfg.Odds.lostLookups(), failsReceipt: cfg.Odds.failedReceipts()}
}
