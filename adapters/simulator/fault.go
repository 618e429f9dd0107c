package simulator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/online-cinema/billing/core/ports"
)

// Fault is a simulated fault of one charge.
type Fault string

// Faults of a charge. The caller only notices Unavailable, Busy, Credentials and
// UnknownToken before money can have moved. It does not notice OtherAmount and ChargeTwice
// as failures.
const (
	NoFault          Fault = ""
	LoseResponse     Fault = "lose the response after the commit"
	TruncateResponse Fault = "cut the response off after the commit"
	InvalidResponse  Fault = "send an invalid response after the commit"
	LoseRequest      Fault = "lose the request before anything is taken"
	Unavailable      Fault = "refuse the connection"
	Busy             Fault = "have too many requests"
	Credentials      Fault = "refuse the credentials"
	UnknownToken     Fault = "not know the token, as with another account"
	OtherAmount      Fault = "take one minor unit more than requested"
	ChargeTwice      Fault = "take the money twice"
)

// Script returns a [Config.Fault] that returns the faults in this order, one for each
// charge, and then NoFault.
func Script(faults ...Fault) func(ports.ChargeRequest) Fault {
	var next atomic.Int64
	return func(ports.ChargeRequest) Fault {
		if i := next.Add(1) - 1; i < int64(len(faults)) {
			return faults[i]
		}
		return NoFault
	}
}

// Odds are the probabilities of the faults of charges, refunds and cancels. The last two have
// no unknown token, no other amount, and are not made twice. Their sum is at most 1. The same
// seed gives the same sequence of faults, which charges take in the order of their
// arrival.
type Odds struct {
	LoseResponses     float64
	TruncateResponses float64
	InvalidResponses  float64
	LoseRequests      float64
	Unavailable       float64
	Busy              float64
	Credentials       float64
	UnknownTokens     float64
	OtherAmounts      float64
	ChargeTwice       float64
	LoseLookups       float64 // of lookups, independent of the faults of charges
	FailReceipts      float64 // of receipts, independent of the faults of charges
	Seed              uint64
}

// faults returns a function that draws the fault of one charge.
func (o Odds) faults() func() Fault {
	draw := randoms(o.Seed, 0)
	return func() Fault { return o.pick(draw()) }
}

// lostLookups returns a function that draws whether the response to a lookup is lost.
func (o Odds) lostLookups() func() bool {
	draw := randoms(o.Seed, 2)
	return func() bool { return draw() < o.LoseLookups }
}

// failedReceipts returns a function that draws whether a receipt fails.
func (o Odds) failedReceipts() func() bool {
	draw := randoms(o.Seed, 3)
	return func() bool { return draw() < o.FailReceipts }
}

// randoms returns a sequence of numbers in [0,1).
func randoms(seed, stream uint64) func() float64 {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, stream))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return random.Float64()
	}
}

// pick returns the fault whose share of [0,1) contains x.
func (o Odds) pick(x float64) Fault {
	for _, share := range []struct {
		odds  float64
		fault Fault
	}{
		{o.LoseResponses, LoseResponse},
		{o.TruncateResponses, TruncateResponse},
		{o.InvalidResponses, InvalidResponse},
		{o.LoseRequests, LoseRequest},
		{o.Unavailable, Unavailable},
		{o.Busy, Busy},
		{o.Credentials, Credentials},
		{o.UnknownTokens, UnknownToken},
		{o.OtherAmounts, OtherAmount},
		{o.ChargeTwice, ChargeTwice},
	} {
		if x < share.odds {
			return share.fault
		}
		x -= share.odds
	}
	return NoFault
}

// fault returns the fault of this charge. The fault of the token or card has priority,
// then Config.Fault, then the odds.
func (s *Simulator) fault(r ports.ChargeRequest, b behaviour) Fault {
	if b.fault != NoFault {
		return b.fault
	}
	if s.cfg.Fault != nil {
		if f := s.cfg.Fault(r); f != NoFault {
			return f
		}
	}
	return s.randomFault()
}

// before returns the error of a call that never takes effect, because of its fault or the end
// of ctx, or nil.
func (s *Simulator) before(ctx context.Context, f Fault) error {
	switch {
	case f == Unavailable:
		return ports.ErrNotSent
	case f == Busy:
		return &ports.BusyError{}
	case f == Credentials:
		return ports.ErrCredentials
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ports.ErrNotSent, ctx.Err())
	case f == LoseRequest:
		return s.loseCall(ctx)
	default:
		return nil
	}
}

// after returns the error of a call whose response its fault destroys, or nil.
func (s *Simulator) after(ctx context.Context, f Fault) error {
	switch f {
	case LoseResponse:
		return s.loseCall(ctx)
	case TruncateResponse:
		return errTruncated
	default:
		return nil
	}
}
