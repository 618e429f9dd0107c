package yookassa_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// randomFaults are the faults that need no deadline.
func randomFaults() []fake.Fault {
	return []fake.Fault{
		fake.NoFault, fake.LoseRequest, fake.TooManyRequests, fake.BadGateway, fake.Redirect, fake.Forbidden,
		fake.LoseResponse, fake.HalfResponse, fake.InternalError, fake.Processing, fake.Pending, fake.OtherPayment,
	}
}

// openImpatient returns an adapter of a new fake. It gives up at each third pause.
func openImpatient(t *rapid.T) (_ *yookassa.YooKassa, _ *fake.Fake, closeFake func()) {
	f := fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey})
	server := httptest.NewServer(f)
	cfg := newConfig()
	cfg.BaseURL, cfg.Now = server.URL+"/v3", f.Now
	pauses := 0
	cfg.Wait = func(context.Context, time.Duration) error {
		if pauses++; pauses%3 == 0 {
			return context.DeadlineExceeded
		}
		return nil
	}
	y, err := yookassa.New(cfg)
	if err != nil {
		server.Close()
		t.Fatal(err)
	}
	return y, f, server.Close
}

// Whatever fails, and however late the charge is repeated, money moves at most once, and no
// error denies that it moved.
func TestCharge_ExactlyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y, f, closeFake := openImpatient(t)
		defer closeFake()
		f.SetListLag(time.Duration(rapid.IntRange(0, 300).Draw(t, "lag")) * time.Second)
		r := renewal(f.AddMethod(fake.Method{}))
		for range rapid.IntRange(1, 6).Draw(t, "calls") {
			f.Fail(rapid.SliceOfN(rapid.SampledFrom(randomFaults()), 0, 3).Draw(t, "faults")...)
			before := taken(t, y, f)
			o, err := y.Charge(context.Background(), r)
			checkCharge(t, o, err, before, taken(t, y, f))
			if r.FirstSent.IsZero() {
				r.FirstSent = f.Now()
			}
			f.Advance(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minutes")) * time.Minute)
		}
		checkLookup(t, y, f, r)
	})
}

// checkCharge compares the result of Charge with the charges in the ledger.
func checkCharge(t *rapid.T, o billing.Outcome, err error, before, after int) {
	t.Helper()
	nothing := errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials) || errors.Is(err, ports.ErrRefused) ||
		errors.Is(err, ports.ErrTooLate)
	switch {
	case after > 1:
		t.Fatalf("the money was taken %d times", after)
	case nothing && after != before:
		t.Fatalf("Charge = %v, but the money was taken", err)
	case err == nil && o.Status == billing.PaymentSucceeded && after != 1:
		t.Fatalf("Charge = %+v, but no money was taken", o)
	case err != nil && o != (billing.Outcome{}):
		t.Fatalf("Charge = %+v and %v, want one of them", o, err)
	}
}

// checkLookup looks the payment up after the settling time.
func checkLookup(t *rapid.T, y *yookassa.YooKassa, f *fake.Fake, r ports.ChargeRequest) {
	t.Helper()
	q := ports.ChargeQuery{Key: r.Key, SentFrom: r.FirstSent, SentUntil: f.Now()}
	f.Advance(y.Capabilities().Settling)
	o, err := y.Find(context.Background(), q)
	switch n := taken(t, y, f); {
	case n == 1 && (err != nil || o.Status != billing.PaymentSucceeded || o.Amount != r.Amount):
		t.Fatalf("Find = %+v, %v; want a success", o, err)
	case n == 0 && !errors.Is(err, ports.ErrChargeNotFound):
		t.Fatalf("Find = %+v, %v; want ErrChargeNotFound", o, err)
	}
}

// taken returns how often the money was taken. The ledger is a list without lag here.
func taken(t *rapid.T, y *yookassa.YooKassa, f *fake.Fake) (n int) {
	t.Helper()
	lag := f.SetListLag(0)
	defer f.SetListLag(lag)
	err := y.Charges(context.Background(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
