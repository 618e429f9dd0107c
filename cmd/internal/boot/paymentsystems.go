package boot

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
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
	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/cmd/internal/crash"
	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// PaymentSystems holds the payment systems that this process has adapters for, by
// code.
type PaymentSystems struct {
	Providers  map[string]ports.Provider
	Listeners  map[string]ports.Listener  // those of Providers that send notifications
	Refunders  map[string]ports.Refunder  // those of Providers that pay back
	Cancellers map[string]ports.Canceller // those of Providers that cancel payments which wait for their viewers
	// Savers are those of Providers that save methods without a charge, and Forgetters
	// those that forget tokens.
	Savers     map[string]ports.Saver
	Forgetters map[string]ports.Forgetter
	Pages      map[string]http.Handler // pages that a payment system shows to viewers, by path
	close      []func()
}

// Close releases the resources of the adapters.
func (s *PaymentSystems) Close() {
	for _, f := range s.close {
		f()
	}
}

// Has reports whether this process has an adapter for a code.
func (s *PaymentSystems) Has(code string) bool {
	_, ok := s.Providers[code]
	return ok
}

// those returns the payment systems that have an optional part of the port. It must be
// called before they are wrapped, because a wrapper hides these parts.
func those[Part any](providers map[string]ports.Provider) map[string]Part {
	found := map[string]Part{}
	for code, p := range providers {
		if part, ok := p.(Part); ok {
			found[code] = part
		}
	}
	return found
}

// An adapter opens one payment system and adds it to s.
type adapter func(ctx context.Context, s *PaymentSystems, c PaymentSystemsConfig) error

// adapters lists the adapters by code. To add a payment system, write a package
// and add it here.
func adapters() map[string]adapter {
	return map[string]adapter{
		simulator.Code: openSimulator,
		stripe.Code:    openStripe,
		yookassa.Code:  openYooKassa,
	}
}

// ForgettingSystems lists the codes of the payment systems whose adapters can forget tokens,
// even if they have no account here.
func ForgettingSystems() []string {
	return slices.Sorted(maps.Keys(those[ports.Forgetter](map[string]ports.Provider{
		simulator.Code: (*simulator.Simulator)(nil), stripe.Code: (*stripe.Stripe)(nil), yookassa.Code: (*yookassa.YooKassa)(nil),
	})))
}

// PaymentSystemsConfig is the configuration of the adapters.
type PaymentSystemsConfig struct {
	DatabaseURL     DatabaseURL
	ChargeTimeout   time.Duration
	Clock           ports.Clock
	SimulatorFaults SimulatorFaults
	PublicURL       string // base URL of Pages, without a slash at the end
	Accounts        Accounts
	ReturnURL       string // for viewers whose client names no page to return to; only the API needs it
}

// OpenPaymentSystems opens the payment systems that have an account, and the simulator if
// useSimulator is set.
func OpenPaymentSystems(ctx context.Context, c PaymentSystemsConfig, useSimulator bool) (*PaymentSystems, error) {
	s, err := open(ctx, c, c.adapters(useSimulator))
	if err == nil {
		s.Listeners = those[ports.Listener](s.Providers)
		s.Refunders = crash.Refunders(mutant.Refunders(those[ports.Refunder](s.Providers)))
		s.Cancellers = crash.Cancellers(mutant.Cancellers(those[ports.Canceller](s.Providers)))
		s.Savers = crash.Savers(those[ports.Saver](s.Providers))
		s.Forgetters = crash.Forgetters(those[ports.Forgetter](s.Providers))
		s.Providers = crash.Providers(mutant.Providers(s.Providers))
	}
	return s, err
}

// OpenPaymentSystem opens one payment system for a command. Reading is harmless, so
// production may read the simulator's ledger. For an unknown code it returns an
// [ErrNoAdapter] that lists the known codes.
func OpenPaymentSystem(ctx context.Context, url DatabaseURL, a Accounts, code string) (ports.Provider, func(), error) {
	c := PaymentSystemsConfig{DatabaseURL: url, Clock: clock.System{}, Accounts: a}
	open1, known := adapters()[code]
	if !known {
		return nil, nil, fmt.Errorf("payment system %q %w; known codes: %s", code, ErrNoAdapter, strings.Join(PaymentSystemCodes(true), ", "))
	}
	if _, on := c.adapters(true)[code]; !on {
		return nil, nil, fmt.Errorf("payment system %s is off: set BILLING_%s_SECRET_KEY and the other variables of its account", code, strings.ToUpper(code))
	}
	s, err := open(ctx, c, map[string]adapter{code: open1})
	if err != nil {
		return nil, nil, err
	}
	return s.Providers[code], s.Close, nil
}

// ErrNoAdapter is returned for a payment system without an adapter.
var ErrNoAdapter = errors.New("has no adapter")

func open(ctx context.Context, c PaymentSystemsConfig, wanted map[string]adapter) (*PaymentSystems, error) {
	s := &PaymentSystems{Providers: map[string]ports.Provider{}, Pages: map[string]http.Handler{}}
	for code, a := range wanted {
		if err := a(ctx, s, c); err != nil {
			s.Close()
			return nil, fmt.Errorf("payment system %s: %w", code, err)
		}
	}
	return s, nil
}

const simulatorPages = "/simulator/3ds"

// openSimulator opens the simulator with a separate pool, because a foreign system
// would not share our connections.
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
		// Long enough to notice, shorter than the timeout of API clients.
		HoldLost: cmp.Or(c.SimulatorFaults.holdLost, 2*time.Second),
		Lag:      c.SimulatorFaults.lag,
		Horizon:  c.SimulatorFaults.horizon,
		Receipts: c.SimulatorFaults.receipts.terms(0), ReceiptDelay: c.SimulatorFaults.receiptDelay,

		NotifySecret: billing.NewSecret(rand.Text()),
		Notify: func(ctx context.Context, header map[string][]string, body []byte) {
			go post(ctx, c.PublicURL+"/v1/notifications/"+simulator.Code, header, body)
		},
	})
	s.close = append(s.close, pool.Close)
	s.Providers[simulator.Code] = sim
	s.Pages[simulatorPages] = sim.Handler()
	return nil
}

// post sends a notification of the simulator to this service, like a foreign system. An
// answer changes nothing, because a sweep finds the payment as well.
func post(ctx context.Context, url string, header map[string][]string, body []byte) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header = header
	if resp, err := http.DefaultClient.Do(r); err == nil {
		_ = resp.Body.Close()
	}
}

// PaymentSystemCodes returns the codes that have an adapter, sorted. Whether a payment
// system has an account is not considered.
func PaymentSystemCodes(useSimulator bool) []string {
	all := adapters()
	if !useSimulator {
		delete(all, simulator.Code)
	}
	return slices.Sorted(maps.Keys(all))
}
