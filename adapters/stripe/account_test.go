package stripe_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.fake.Attach("pm_ok", string(payer))
	w.fake.Attach("pm_ok_other", string(payer))
	for _, token := range []string{
		customer + "/pm_ok", customer + "/pm_ok", "pm_ok_other", "pm_ok_unsaved", "pm_missing", "tok_of_another_system",
	} {
		if err := w.Forget(t.Context(), billing.NewSecret(token)); err != nil {
			t.Errorf("Forget(%s): %v", token, err)
		}
	}
	for _, token := range []string{customer + "/pm_ok", "pm_ok", "pm_ok_other"} {
		_, err := w.charge(t, renewal(token))
		expectError(t, err, ports.ErrTokenUnknown)
	}
}

func TestForget_Faults(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.Fail, fake.HTML, fake.Busy, fake.Unauthorized, fake.Quote, fake.HalfBody} {
		w := newWorld(t)
		w.fake.Attach("pm_ok", string(payer))
		w.fake.Next(fake.OpDetach, fault)
		err := w.Forget(t.Context(), billing.NewSecret("pm_ok"))
		expectNoSecret(t, err)
		if err == nil {
			t.Errorf("%s: Forget returned no error, although the method is saved", fault)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	for fault, want := range map[fake.Fault]error{fake.Unauthorized: ports.ErrCredentials, fake.Forbidden: ports.ErrCredentials, fake.HTML: nil} {
		w.fake.Next(fake.OpBalance, fault)
		err := w.Probe(t.Context())
		expectNoSecret(t, err)
		expectError(t, err, want)
	}
}

func TestCharges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := w.clock.Now()
	for i, token := range []string{"pm_ok", "pm_decline_expired_card", "pm_ok_2"} {
		r := request(token)
		r.Key = billing.PaymentID([]string{"first", "declined", "second"}[i])
		if _, err := w.charge(t, r); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Hour)
	}
	for name, tt := range map[string]struct {
		from, to time.Time
		want     []billing.PaymentID
	}{
		"all":                   {time.Time{}, time.Time{}, []billing.PaymentID{"second", "first"}},
		"from the first":        {start, time.Time{}, []billing.PaymentID{"second", "first"}},
		"from a microsecond on": {start.Add(time.Microsecond), time.Time{}, []billing.PaymentID{"second"}},
		"before the second":     {time.Time{}, start.Add(2 * time.Hour), []billing.PaymentID{"first"}},
		"up to the second":      {time.Time{}, start.Add(2*time.Hour + time.Microsecond), []billing.PaymentID{"second", "first"}},
	} {
		var got []billing.PaymentID
		err := w.Charges(t.Context(), tt.from, tt.to, func(e ports.LedgerEntry) error {
			got = append(got, e.Key)
			if e.Amount != (billing.Money{Amount: 29900, Currency: "RUB"}) || e.At.Location() != time.UTC || e.At.Before(start) {
				t.Errorf("%s: the entry is %+v", name, e)
			}
			return nil
		})
		if err != nil || len(got) != len(tt.want) || got[0] != tt.want[0] {
			t.Errorf("%s: Charges = %v, %v; want %v", name, got, err, tt.want)
		}
	}
}

func TestCharges_Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.charge(t, request("pm_ok")); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []fake.Fault{fake.Fail, fake.HTML, fake.HalfBody, fake.LongBody, fake.Busy} {
		w.fake.Next(fake.OpCharges, fault)
		err := w.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { return nil })
		expectNoSecret(t, err)
		if err == nil {
			t.Errorf("%s: Charges returned no error", fault)
		}
	}
	stop := errors.New("enough")
	if err := w.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Charges = %v, want the callback's error", err)
	}
}

func TestNew_Refused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*stripe.Config){
		"no key":                        func(c *stripe.Config) { c.SecretKey = billing.Secret{} },
		"a publishable key":             func(c *stripe.Config) { c.SecretKey = billing.NewSecret("pk_test_1") },
		"a key with a line end":         func(c *stripe.Config) { c.SecretKey = billing.NewSecret(secretKey + "\n") },
		"another secret":                func(c *stripe.Config) { c.WebhookSecrets = []billing.Secret{billing.NewSecret(secretKey)} },
		"a return URL without a scheme": func(c *stripe.Config) { c.ReturnURL = "cinema.example" },
		"plain http":                    func(c *stripe.Config) { c.BaseURL = "http://stripe.example" },
		"no clock":                      func(c *stripe.Config) { c.Now = nil },
	} {
		cfg := stripe.Config{SecretKey: billing.NewSecret(secretKey), ReturnURL: returnURL, Now: time.Now}
		if _, err := stripe.New(cfg); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		_, err := stripe.New(cfg)
		expectNoSecret(t, err)
		if err == nil {
			t.Errorf("%s: New returned no error", name)
		}
	}
}

func TestNew_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := stripe.New(stripe.Config{})
	joined, is := err.(interface{ Unwrap() []error })
	if !is || len(joined.Unwrap()) != 2 {
		t.Errorf("New = %v, want two faults", err)
	}
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	c := newWorld(t).Capabilities()
	if c.Horizon != 23*time.Hour || c.Settling != 5*time.Minute || len(c.Accepts) != 2 {
		t.Errorf("Capabilities = %+v", c)
	}
}
