package simulator

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/online-cinema/billing/core/ports"
)

// Fault is something that goes wrong with one charge.
type Fault string

// The faults. All but NoFault, Unavailable and Credentials are seen too late by the caller,
// or not at all.
const (
	NoFault     Fault = ""
	LoseAnswer  Fault = "lose the answer after the commit"
	BreakAnswer Fault = "break the answer off after the commit"
	Nonsense    Fault = "answer what no payment system says, after the commit"
	LoseRequest Fault = "lose the request before anything is taken"
	Unavailable Fault = "refuse the connection"
	Credentials Fault = "refuse our credentials"
	OtherAmount Fault = "take one minor unit more than was asked"
	ChargeTwice Fault = "take the money twice"
)

// Script returns a [Config.Fault] that hands the faults out in this order, one
// to each charge, and none after the last.
func Script(faults ...Fault) func(ports.ChargeRequest) Fault {
	var next atomic.Int64
	return func(ports.ChargeRequest) Fault {
		if i := next.Add(1) - 1; i < int64(len(faults)) {
			return faults[i]
		}
		return NoFault
	}
}

// Odds say how likely each fault is, each from 0 to 1 and all together at most
// 1. The same seed rolls the same sequence; which charge meets which fault
// depends on their order.
type Odds struct {
	LoseAnswers  float64
	BreakAnswers float64
	Nonsense     float64
	LoseRequests float64
	Unavailable  float64
	Credentials  float64
	OtherAmounts float64
	ChargeTwice  float64
	LoseLookups  float64 // of all look-ups; charges have nothing to do with it
	Seed         uint64
}

// dice returns a function that draws a fault for one charge.
func (o Odds) dice() func() Fault {
	roll := rolls(o.Seed, 0)
	return func() Fault { return o.pick(roll()) }
}

// lookups returns a function that says whether the answer to a look-up is lost.
func (o Odds) lookups() func() bool {
	roll := rolls(o.Seed, 2)
	return func() bool { return roll() < o.LoseLookups }
}

// rolls returns a sequence of numbers in [0,1).
func rolls(seed, stream uint64) func() float64 {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, stream))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return random.Float64()
	}
}

// pick returns the fault in whose share of [0,1) x lies.
func (o Odds) pick(x float64) Fault {
	for _, share := range []struct {
		of    float64
		fault Fault
	}{
		{o.LoseAnswers, LoseAnswer},
		{o.BreakAnswers, BreakAnswer},
		{o.Nonsense, Nonsense},
		{o.LoseRequests, LoseRequest},
		{o.Unavailable, Unavailable},
		{o.Credentials, Credentials},
		{o.OtherAmounts, OtherAmount},
		{o.ChargeTwice, ChargeTwice},
	} {
		if x < share.of {
			return share.fault
		}
		x -= share.of
	}
	return NoFault
}

// fault says what goes wrong with this charge. What the token asks for goes
// before everything else.
func (s *Simulator) fault(r ports.ChargeRequest, b behaviour) Fault {
	if b.fault != NoFault {
		return b.fault
	}
	if s.cfg.Fault != nil {
		if f := s.cfg.Fault(r); f != NoFault {
			return f
		}
	}
	return s.odds()
}
