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

func TestFaults(t *testing.T) {
	t.Parallel()
	asked := charge("tok_ok").Amount
	more := billing.Money{Amount: asked.Amount + 1, Currency: asked.Currency}
	for _, c := range []struct {
		fault Fault
		want  error
		taken []billing.Money
	}{
		{NoFault, nil, []billing.Money{asked}},
		{LoseAnswer, errSilence, []billing.Money{asked}},
		{BreakAnswer, errBroken, []billing.Money{asked}},
		{Nonsense, nil, []billing.Money{asked}},
		{LoseRequest, errSilence, nil},
		{Unavailable, ports.ErrNotSent, nil},
		{Credentials, ports.ErrCredentials, nil},
		{OtherAmount, nil, []billing.Money{more}},
		{ChargeTwice, nil, []billing.Money{asked, asked}},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{Fault: Script(c.fault)})
			r := charge("tok_ok")
			o, err := s.Charge(t.Context(), r)
			if !errors.Is(err, c.want) {
				t.Errorf("Charge = %+v, %v; want %v", o, err, c.want)
			}
			wantTaken(t, s, r.Key, c.taken)
			if len(c.taken) == 0 {
				c.taken = []billing.Money{asked}
			}
			// The script is over: whatever happened, the same again ends well.
			again := mustCharge(t, s, r)
			if again.Status != billing.PaymentSucceeded || again.Amount != c.taken[0] {
				t.Errorf("Charge again = %+v, want %s taken", again, c.taken[0])
			}
			wantTaken(t, s, r.Key, c.taken)
		})
	}
}

func wantTaken(t *testing.T, s *Simulator, key billing.PaymentID, want []billing.Money) {
	t.Helper()
	var got []billing.Money
	for _, e := range ledger(t, s, key) {
		got = append(got, e.Amount)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the ledger says %v, want %v", got, want)
	}
}

func TestLosingAThirdOfTheAnswers(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{Odds: Odds{LoseAnswers: 0.3, Seed: 7}})
	const charges = 100
	lost := 0
	for range charges {
		r := renewal("tok_ok")
		if _, err := s.Charge(t.Context(), r); errors.Is(err, errSilence) {
			lost++
		}
		wantTaken(t, s, r.Key, []billing.Money{r.Amount})
	}
	if lost < 20 || lost > 40 {
		t.Errorf("%d of %d answers were lost, want about 30", lost, charges)
	}
}

func TestOdds(t *testing.T) {
	t.Parallel()
	o := Odds{LoseAnswers: 0.3, LoseRequests: 0.1, Unavailable: 0.1, OtherAmounts: 0.2, ChargeTwice: 0.05, Seed: 5}
	const draws = 100_000
	count, same := map[Fault]float64{}, true
	one, two := o.dice(), o.dice()
	for range draws {
		f := one()
		count[f]++
		same = same && f == two()
	}
	if !same {
		t.Error("one seed gave two sequences")
	}
	for f, want := range map[Fault]float64{
		LoseAnswer: 0.3, LoseRequest: 0.1, Unavailable: 0.1, OtherAmount: 0.2, ChargeTwice: 0.05, NoFault: 0.25,
	} {
		if got := count[f] / draws; math.Abs(got-want) > 0.01 {
			t.Errorf("%q: %.3f, want %.3f", f, got, want)
		}
	}
	if f := (Odds{LoseAnswers: 1}).pick(math.Nextafter(1, 0)); f != LoseAnswer {
		t.Errorf("certain loss gave %q", f)
	}
}

// A look-up whose answer is lost says nothing: neither what became of a charge
// nor that there is none.
func TestLosingLookups(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{Odds: Odds{LoseLookups: 0.5, Seed: 7}})
	r := charge("tok_ok")
	mustCharge(t, s, r)
	lost := 0
	for range 100 {
		o, err := s.Find(t.Context(), r.Key)
		_, absent := s.Find(t.Context(), "nobody's")
		switch {
		case errors.Is(err, errBroken):
			lost++
		case err != nil || o.Status != billing.PaymentSucceeded:
			t.Errorf("Find = %+v, %v", o, err)
		}
		if !errors.Is(absent, errBroken) && !errors.Is(absent, ports.ErrChargeNotFound) {
			t.Errorf("Find what is not there: %v", absent)
		}
	}
	if lost < 30 || lost > 70 {
		t.Errorf("%d of 100 look-ups were lost, want about 50", lost)
	}
}

func TestLogNormal(t *testing.T) {
	t.Parallel()
	draw, again := LogNormal(120*time.Millisecond, 2*time.Second, 3), LogNormal(120*time.Millisecond, 2*time.Second, 3)
	all := make([]time.Duration, 100_000)
	for i := range all {
		all[i] = draw()
		if all[i] != again() {
			t.Fatal("one seed gave two sequences")
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
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		d    time.Duration
		want error
	}{
		{t.Context(), 0, nil},
		{t.Context(), time.Microsecond, nil},
		{over, time.Hour, context.Canceled},
		{over, 0, nil}, // the answer is there already
	} {
		t.Run(fmt.Sprint(c.d, c.want), func(t *testing.T) {
			t.Parallel()
			if err := wait(c.ctx, c.d); !errors.Is(err, c.want) {
				t.Errorf("wait = %v, want %v", err, c.want)
			}
		})
	}
}
