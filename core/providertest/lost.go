package providertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// promptly is how soon a call returns once its context has ended. It allows
// for a busy machine: what it tells apart is "soon" and "when it is done".
const promptly = 5 * time.Second

// giveUp charges with a token whose answer never comes, and gives up once the
// ledger shows the charge. It returns what Charge said.
func (b bench) giveUp(r ports.ChargeRequest) error {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	said := make(chan error, 1)
	go func() {
		_, err := b.ask(ctx, r)
		said <- err
	}()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-said: // it gave up by itself
			return err
		case <-look.C:
		}
		if len(b.entries(r.Key)) > 0 {
			cancel()
			return b.returned(said)
		}
	}
}

func (b bench) returned(said <-chan error) error {
	b.Helper()
	limit := time.NewTimer(promptly)
	defer limit.Stop()
	select {
	case err := <-said:
		return err
	case <-limit.C:
		b.Fatalf("Charge has not returned %s after its context ended", promptly)
		return nil
	}
}

func testLostAnswer(b bench) {
	b.need("answer lost", !b.Tokens.LostAnswer.IsZero())
	r := order(b.Tokens.LostAnswer)
	if err := b.giveUp(r); !unknown(err) {
		b.Fatalf("Charge = %v, want an error that leaves the outcome open", err)
	}
	found := b.find(r.Key)
	b.succeeded(found, r.Amount)
	b.taken(r.Key, r.Amount)

	// Nothing is to wait for now, so it may be given up before it is sent.
	if err := b.giveUp(r); err != nil && !unknown(err) && !errors.Is(err, ports.ErrNotSent) {
		b.Errorf("Charge again = %v, want the outcome or an error that leaves it open", err)
	}
	if again := b.find(r.Key); again != found {
		b.Errorf("Find after the repetition = %+v, want %+v", again, found)
	}
	b.taken(r.Key, r.Amount)
}

// testSlowAnswer gives up too early once, and then has the patience.
func testSlowAnswer(b bench) {
	b.need("answer slow", !b.Tokens.Slow.IsZero())
	r := order(b.Tokens.Slow)
	if err := b.giveUp(r); !unknown(err) {
		b.Fatalf("Charge = %v, want an error that leaves the outcome open", err)
	}
	o := b.charge(r)
	b.succeeded(o, r.Amount)
	if found := b.find(r.Key); found != o {
		b.Errorf("Find = %+v, want what Charge said, %+v", found, o)
	}
	b.taken(r.Key, r.Amount)
}

func testUnavailable(b bench) {
	b.need("unavailable", !b.Tokens.Unavailable.IsZero())
	r := order(b.Tokens.Unavailable)
	for range 2 {
		b.refuse(r, ports.ErrNotSent)
		b.absent(r.Key)
	}
}

func testCancelledBefore(b bench) {
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	r := order(b.Tokens.OK)
	start := time.Now()
	o, err := b.ask(ctx, r)
	if took := time.Since(start); took > promptly {
		b.Errorf("it took %s, want at once", took)
	}
	if !errors.Is(err, ports.ErrNotSent) && !unknown(err) {
		b.Errorf("Charge = %+v, %v; want ErrNotSent, or an error that leaves the outcome open", o, err)
	}
	b.consistent(r, o, err)
}

func testCancelledWhileWaiting(b bench) {
	b.need("cancelled while waiting", !b.Tokens.LostAnswer.IsZero())
	r := order(b.Tokens.LostAnswer)
	ctx, cancel := context.WithTimeout(b.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	o, err := b.ask(ctx, r)
	if took := time.Since(start); took > promptly {
		b.Errorf("it took %s, want soon after the context ended", took)
	}
	if err == nil {
		b.Fatalf("Charge = %+v, want an error", o)
	}
	if errors.Is(err, ports.ErrNotSent) {
		b.absent(r.Key)
	} else if !unknown(err) {
		b.Errorf("Charge = %v, want an error that leaves the outcome open", err)
	}
}

// testCutOff ends the context a little later each time, so that it hits every
// stage of a charge, and compares what Charge says with what is true.
func testCutOff(b bench) {
	for i := range 40 {
		b.sub(fmt.Sprintf("after %d µs", i*i*10), func(b bench) {
			ctx, cancel := context.WithTimeout(b.Context(), time.Duration(i*i*10)*time.Microsecond)
			defer cancel()
			r := order(b.Tokens.OK)
			o, err := b.ask(ctx, r)
			b.consistent(r, o, err)
		})
	}
}

// consistent compares what Charge said about a good token with the ledger, and
// then has it charged for certain: once.
func (b bench) consistent(r ports.ChargeRequest, o billing.Outcome, err error) {
	b.Helper()
	switch {
	case err == nil:
		b.succeeded(o, r.Amount)
		b.taken(r.Key, r.Amount)
	case errors.Is(err, ports.ErrNotSent):
		b.absent(r.Key)
	case unknown(err):
		// What Find says now stays true, as nobody sends it any more.
		_, err := b.Provider.Find(b.Context(), r.Key)
		if errors.Is(err, ports.ErrChargeNotFound) {
			b.taken(r.Key)
		} else if err == nil {
			b.taken(r.Key, r.Amount)
		}
	default:
		b.Errorf("Charge = %v, which is not true", err)
	}
	b.succeeded(b.charge(r), r.Amount)
	b.taken(r.Key, r.Amount)
}
