package viewers

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// pollInterval is how often a request checks for payments that may still be sent.
const pollInterval = 50 * time.Millisecond

// waiter lets a request wait until a payment that another process sends is out of its
// hands.
type waiter struct {
	store ports.Store
	limit time.Duration
	// pause waits for d, or until ctx ends, and then returns its error. If pause is nil,
	// the wall clock is used.
	pause func(ctx context.Context, d time.Duration) error
}

// await polls until sending returns false. It returns false if that takes longer than
// the limit.
func (w waiter) await(ctx context.Context, sending func(ports.Repos) (bool, error)) (done bool, err error) {
	pause := w.pause
	if pause == nil {
		pause = ports.Wait
	}
	for waited := time.Duration(0); ; waited += pollInterval {
		still, err := ports.InTx(ctx, w.store, sending)
		if err != nil || !still {
			return err == nil, err
		}
		if waited >= w.limit {
			return false, nil
		}
		if err := pause(ctx, pollInterval); err != nil {
			return false, err
		}
	}
}
