package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// fakeSaver returns a fixed outcome and error.
type fakeSaver struct {
	outcome billing.SaveOutcome
	err     error
}

func (s fakeSaver) Save(context.Context, ports.SaveRequest) (billing.SaveOutcome, error) {
	return s.outcome, s.err
}

func (s fakeSaver) FindSave(context.Context, ports.SaveQuery) (billing.SaveOutcome, error) {
	return s.outcome, s.err
}

func (s fakeSaver) Forget(context.Context, billing.Secret) error { return s.err }

func TestSaver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fake          fakeSaver
		saved, forgot string
	}{
		"active":        {fakeSaver{outcome: billing.SaveOutcome{Status: billing.MethodActive}}, "active", "forgotten"},
		"pending":       {fakeSaver{outcome: billing.SaveOutcome{Status: billing.MethodPending}}, "pending", "forgotten"},
		"strange":       {fakeSaver{outcome: billing.SaveOutcome{Status: "Ivan Petrov"}}, "unknown", "forgotten"},
		"not found":     {fakeSaver{err: ports.ErrSaveNotFound}, "not_found", "unknown"},
		"not sent":      {fakeSaver{err: ports.ErrNotSent}, "not_sent", "not_sent"},
		"response lost": {fakeSaver{err: errors.New("reset by 203.0.113.7")}, "unknown", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New("v1")
			s, f := m.Saver("bank", tt.fake), m.Forgetter("bank", tt.fake)
			o, err := s.Save(t.Context(), ports.SaveRequest{})
			found, err2 := s.FindSave(t.Context(), ports.SaveQuery{})
			if o != tt.fake.outcome || found != o || !errors.Is(err, tt.fake.err) || !errors.Is(err2, tt.fake.err) {
				t.Errorf("got %+v, %v and %+v, %v; want the payment system's result", o, err, found, err2)
			}
			if err := f.Forget(t.Context(), billing.NewSecret("tok")); !errors.Is(err, tt.fake.err) {
				t.Errorf("Forget = %v, want %v", err, tt.fake.err)
			}
			expect(t, m,
				fmt.Sprintf(`billing_save_total{outcome="%s",provider="bank"} 1`, tt.saved),
				fmt.Sprintf(`billing_save_lookup_total{outcome="%s",provider="bank"} 1`, tt.saved),
				fmt.Sprintf(`billing_forget_total{outcome="%s",provider="bank"} 1`, tt.forgot),
			)
		})
	}
}
