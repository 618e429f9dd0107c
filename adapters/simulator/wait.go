package simulator

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// LogNormal returns a [Config.Latency] with a distribution like that of real payment
// systems: half of the responses take at most p50, and one in a hundred takes more
// than p99. The same seed gives the same sequence.
func LogNormal(p50, p99 time.Duration, seed uint64) func() time.Duration {
	const z99 = 2.3263 // standard deviations from the middle to the 99th percentile
	sigma := math.Log(float64(p99)/float64(p50)) / z99
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(float64(p50) * math.Exp(sigma*random.NormFloat64()))
	}
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
