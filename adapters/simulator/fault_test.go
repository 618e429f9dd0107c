package simulator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestCharge_Faults(t *testing.T) {
	t.Parallel()
	requested := charge("tok_ok").Amount
	more := billing.Money{Amount: requested.Amount + 1, Currency: requested.Currency}
	for _, c := range []struct {
		fault Fault
		want  error
		taken []billing.Money
	}{
		{NoFault, nil, []billing.Money{requested}},
		{LoseResponse, errNoResponse, []billing.Money{requested}},
		{TruncateResponse, errTruncated, []billing.Money{requested}},
		{InvalidResponse, nil, []billing.Money{requested}},
		{LoseRequest, errNoResponse, nil},
		{Unavailable, ports.ErrNotSent, nil},
		{Credentials, ports.ErrCredentials, nil},
		{UnknownToken, ports.ErrTokenUnknown, nil},
		{OtherAmount, nil, []billing.Money{more}},
		{ChargeTwice, nil, []billing.Money{requested, requested}},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{Fault: Script(c.fault)})
			r := charge("tok_ok")
			o, err := s.Charge(t.Context(), r)
			if !errors.Is(err, c.want) {
				t.Errorf("Charge = %+v, %v; want %v", o, err, c.want)
			}
			wantLedger(t, s, r.Key, c.taken)
			if len(c.taken) == 0 {
				c.taken = []billing.Money{requested}
			}
			// The script has ended, so the same request now succeeds.
			repeated := mustCharge(t, s, r)
			if repeated.Status != billing.PaymentSucceeded || repeated.Amount != c.taken[0] {
				t.Errorf("second Charge = %+v, want %s taken", repeated, c.taken[0])
			}
			wantLedger(t, s, r.Key, c.taken)
		})
	}
}

func wantLedger(t *testing.T, s *Simulator, key billing.PaymentID, want []billing.Money) {
	t.Helper()
	var got []billing.Money
	for _, e := range ledger(t, s, key) {
		got = append(got, e.Amount)
	}
	if !slices.Equal(got, want) {
		t.Errorf("amounts in the ledger %v, want %v", got, want)
	}
}

func TestCharge_LostResponses(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{Odds: Odds{LoseResponses: 0.3, Seed: 7}})
	const charges = 100
	lost := 0
	for range charges {
		r := renewal("tok_ok")
		if _, err := s.Charge(t.Context(), r); errors.Is(err, errNoResponse) {
			lost++
		}
		wantLedger(t, s, r.Key, []billing.Money{r.Amount})
	}
	if lost < 20 || lost > 40 {
		t.Errorf("%d of %d responses were lost, want about 30", lost, charges)
	}
}

func TestOdds(t *testing.T) {
	t.Parallel()
	o := Odds{LoseResponses: 0.3, LoseRequests: 0.1, Unavailable: 0.1, OtherAmounts: 0.2, ChargeTwice: 0.05, Seed: 5}
	const draws = 100_000
	count, same := map[Fault]float64{}, true
	one, two := o.faults(), o.faults()
	for range draws {
		f := one()
		count[f]++
		same = same && f == two()
	}
	if !same {
		t.Error("the same seed gave different sequences")
	}
	for f, want := range map[Fault]float64{
		LoseResponse: 0.3, LoseRequest: 0.1, Unavailable: 0.1, OtherAmount: 0.2, ChargeTwice: 0.05, NoFault: 0.25,
	} {
		if got := count[f] / draws; math.Abs(got-want) > 0.01 {
			t.Errorf("%q: %.3f, want %.3f", f, got, want)
		}
	}
	if f := (Odds{LoseResponses: 1}).pick(math.Nextafter(1, 0)); f != LoseResponse {
		t.Errorf("probability 1 of a loss gave %q", f)
	}
}

// A lost response to a lookup is an unknown outcome, whether or not the charge exists.
func TestFind_LostResponses(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{Odds: Odds{LoseLookups: 0.5, Seed: 7}})
	r := charge("tok_ok")
	mustCharge(t, s, r)
	lost := 0
	for range 100 {
		o, err := s.Find(t.Context(), ports.ChargeQuery{Key: r.Key})
		_, absent := s.Find(t.Context(), ports.ChargeQuery{Key: "missing"})
		switch {
		case errors.Is(err, errTruncated):
			lost++
		case err != nil || o.Status != billing.PaymentSucceeded:
			t.Errorf("Find = %+v, %v; want a success", o, err)
		}
		if !errors.Is(absent, errTruncated) && !errors.Is(absent, ports.ErrChargeNotFound) {
			t.Errorf("Find of a missing charge: %v, want ErrChargeNotFound", absent)
		}
	}
	if lost < 30 || lost > 70 {
		t.Errorf("%d of 100 responses were lost, want about 50", lost)
	}
}

func TestLogNormal(t *testing.T) {
	t.Parallel()
	draw, drawAgain := LogNormal(120*time.Millisecond, 2*time.Second, 3), LogNormal(120*time.Millisecond, 2*time.Second, 3)
	all := make([]time.Duration, 100_000)
	for i := range all {
		all[i] = draw()
		if all[i] != drawAgain() {
			t.Fatal("the same seed gave different sequences")
		}
	}
	slices.Sort(all)
	for _, c := range []struct {
		share float64
		want  time.Duration
	}{{0.5, 120 * time.Millisecond}, {0.99, 2 * time.Second}} {
		got := all[int(c.share*float64(len(all)))]
		if ratio := float64(got) / float64(c.want); ratio < 0.9 || ratio > 1.1 {
			t.Errorf("p%g is %s, want about %s", 100*c.share, got, c.want)
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		d    time.Duration
		want error
	}{
		{t.Context(), 0, nil},
		{t.Context(), time.Microsecond, nil},
		{canceled, time.Hour, context.Canceled},
		{canceled, 0, nil}, // there is nothing to wait for
	} {
		t.Run(fmt.Sprint(c.d, c.want), func(t *testing.T) {
			t.Parallel()
			if err := wait(c.ctx, c.d); !errors.Is(err, c.want) {
				t.Errorf("wait = %v, want %v", err, c.want)
			}
		})
	}
}
