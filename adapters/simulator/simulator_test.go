package simulator

import (
	"context"
	"crypto/rand"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/ports"
)

func newClock() *clocktest.Clock {
	return clocktest.New(time.Date(2026, 2, 28, 12, 0, 0, 123456000, time.UTC))
}

// newSimulator returns a simulator with a new database. Waiting takes no time unless
// cfg.Wait is set.
func newSimulator(t *testing.T, cfg Config) *Simulator {
	t.Helper()
	return newSimulatorAt(t, pgtest.URL(t), cfg)
}

func newSimulatorAt(t *testing.T, databaseURL string, cfg Config) *Simulator {
	t.Helper()
	if cfg.Clock == nil {
		cfg.Clock = newClock()
	}
	if cfg.Wait == nil {
		cfg.Wait = func(context.Context, time.Duration) error { return nil }
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://ps.example/confirm"
	}
	return New(openAs(t, databaseURL, Role), cfg)
}

func openAs(t *testing.T, databaseURL, role string) *pgxpool.Pool {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("pool_max_conns", "5")
	u.RawQuery = q.Encode()
	pool, err := postgres.OpenRole(t.Context(), u.String(), role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func charge(token string) ports.ChargeRequest {
	return ports.ChargeRequest{
		Key: billing.PaymentID(rand.Text()), Token: billing.NewSecret(token),
		Amount: billing.Money{Amount: 39900, Currency: "RUB"}, Initiator: billing.CustomerInitiated,
	}
}

func renewal(token string) ports.ChargeRequest {
	r := charge(token)
	r.Initiator = billing.MerchantInitiated
	return r
}

// mustCharge charges. The test fails on an error.
func mustCharge(t *testing.T, s *Simulator, r ports.ChargeRequest) billing.Outcome {
	t.Helper()
	o, err := s.Charge(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustFind(t *testing.T, s *Simulator, key billing.PaymentID) billing.Outcome {
	t.Helper()
	o, err := s.Find(t.Context(), ports.ChargeQuery{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// ledger returns all entries with the key.
func ledger(t *testing.T, s *Simulator, key billing.PaymentID) []ports.LedgerEntry {
	t.Helper()
	var list []ports.LedgerEntry
	err := s.Charges(t.Context(), time.Time{}, time.Time{}, func(e ports.LedgerEntry) error {
		if e.Key == key {
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// summary returns the decline code or the status of an outcome.
func summary(o billing.Outcome) string {
	if o.DeclineCode != "" {
		return string(o.DeclineCode)
	}
	return string(o.Status)
}
