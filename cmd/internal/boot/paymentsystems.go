package boot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/simulator"
	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/app"
)

// PaymentSystems are payment systems that this process can talk to, by code.
type PaymentSystems struct {
	Providers map[string]app.Provider
	Pages     map[string]http.Handler // by path: pages that a payment system shows to viewers
	close     []func()
}

// Close lets go of what the adapters hold.
func (s *PaymentSystems) Close() {
	for _, f := range s.close {
		f()
	}
}

// An adapter makes one payment system usable and adds it to the others.
type adapter func(ctx context.Context, s *PaymentSystems, c PaymentSystemsConfig) error

// adapters lists every payment system that there is an adapter for: a new one
// is a package and a line here.
func adapters() map[string]adapter {
	return map[string]adapter{
		simulator.Code: openSimulator,
	}
}

// PaymentSystemsConfig is what adapters need.
type PaymentSystemsConfig struct {
	DatabaseURL     DatabaseURL
	ChargeTimeout   time.Duration
	Clock           app.Clock
	SimulatorFaults SimulatorFaults
	PublicURL       string // where viewers reach Pages, without a slash at the end
}

// OpenPaymentSystems makes all payment systems usable that may be used. The simulator
// may not be used in production.
func OpenPaymentSystems(ctx context.Context, c PaymentSystemsConfig, useSimulator bool) (*PaymentSystems, error) {
	all := adapters()
	if !useSimulator {
		delete(all, simulator.Code)
	}
	s, err := open(ctx, c, all)
	if err == nil {
		s.Providers = mutant.Providers(s.Providers)
	}
	return s, err
}

// OpenLedger makes the books of one payment system readable, for a
// reconciliation. That harms nobody, so it may be the simulator's in production
// too. An error that is [ErrNoAdapter] names those that there are.
func OpenLedger(ctx context.Context, url DatabaseURL, code string) (app.Ledger, func(), error) {
	all := adapters()
	known := slices.Sorted(maps.Keys(all))
	maps.DeleteFunc(all, func(other string, _ adapter) bool { return other != code })
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("payment system %q %w: there are %s", code, ErrNoAdapter, strings.Join(known, ", "))
	}
	s, err := open(ctx, PaymentSystemsConfig{DatabaseURL: url, Clock: clock.System{}}, all)
	if err != nil {
		return nil, nil, err
	}
	ledger, ok := s.Providers[code].(app.Ledger)
	if !ok {
		s.Close()
		return nil, nil, fmt.Errorf("payment system %q cannot list what it took", code)
	}
	return ledger, s.Close, nil
}

// ErrNoAdapter says that nothing here can talk to a payment system.
var ErrNoAdapter = errors.New("has no adapter")

func open(ctx context.Context, c PaymentSystemsConfig, wanted map[string]adapter) (*PaymentSystems, error) {
	s := &PaymentSystems{Providers: map[string]app.Provider{}, Pages: map[string]http.Handler{}}
	for code, a := range wanted {
		if err := a(ctx, s, c); err != nil {
			s.Close()
			return nil, fmt.Errorf("payment system %s: %w", code, err)
		}
	}
	return s, nil
}

const simulatorPages = "/simulator/3ds"

// openSimulator gives the simulator a pool of its own: a foreign system shares
// none of our connections.
func openSimulator(ctx context.Context, s *PaymentSystems, c PaymentSystemsConfig) error {
	pool, err := postgres.OpenRole(ctx, c.DatabaseURL.Reveal(), simulator.Role)
	if err != nil {
		return err
	}
	sim := simulator.New(pool, simulator.Config{
		Clock:   c.Clock,
		BaseURL: c.PublicURL + simulatorPages,
		Odds:    c.SimulatorFaults.odds,
		Latency: func() time.Duration { return c.SimulatorFaults.latency },
		// Long enough to be felt, short of what clients of the API wait for.
		HoldLost: cmp.Or(c.SimulatorFaults.holdLost, 2*time.Second),
	})
	s.close = append(s.close, pool.Close)
	s.Providers[simulator.Code] = sim
	s.Pages[simulatorPages] = sim.Handler()
	return nil
}

// PaymentSystemCodes lists the codes that an adapter answers for.
func PaymentSystemCodes(useSimulator bool) []string {
	all := adapters()
	if !useSimulator {
		delete(all, simulator.Code)
	}
	return slices.Sorted(maps.Keys(all))
}
