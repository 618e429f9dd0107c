package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// saving holds the metrics of payment methods that are saved without a charge, or
// forgotten.
type saving struct {
	saves, lookups, forgets *prometheus.CounterVec
}

func newSaving() saving {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"provider", "outcome"})
	}
	return saving{
		saves:   counter("billing_save_total", "Requests to save a payment method without a charge, by outcome."),
		lookups: counter("billing_save_lookup_total", "Lookups of saved payment methods, by outcome."),
		forgets: counter("billing_forget_total", "Requests to forget the token of a removed payment method, by outcome."),
	}
}

func (s saving) register(r *prometheus.Registry) { r.MustRegister(s.saves, s.lookups, s.forgets) }

// Saver returns s with its calls counted under code.
func (m *Metrics) Saver(code string, s ports.Saver) ports.Saver {
	return saver{s, code, m.saving}
}

type saver struct {
	ports.Saver
	code string
	saving
}

// Save implements [ports.Saver].
func (s saver) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	o, err := s.Saver.Save(ctx, r)
	s.saves.WithLabelValues(s.code, outcomeOf(o, err)).Inc()
	return o, err
}

// FindSave implements [ports.Saver].
func (s saver) FindSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	o, err := s.Saver.FindSave(ctx, q)
	s.lookups.WithLabelValues(s.code, outcomeOf(o, err)).Inc()
	return o, err
}

// outcomeOf returns the name of an outcome. Other texts must not become labels.
func outcomeOf(o billing.SaveOutcome, err error) string {
	if err == nil && o.Status != billing.MethodPending && o.Status != billing.MethodActive && o.Status != billing.MethodFailed {
		return ports.OutcomeUnknown
	}
	return ports.SaveOutcomeName(o, err)
}

// Forgetter returns f with its calls counted under code.
func (m *Metrics) Forgetter(code string, f ports.Forgetter) ports.Forgetter {
	m.saving.forgets.WithLabelValues(code, forgotten)
	return forgetter{f, code, m.saving}
}

// forgotten is the outcome of a call after which the payment system does not know the token.
const forgotten = "forgotten"

type forgetter struct {
	ports.Forgetter
	code string
	saving
}

// Forget implements [ports.Forgetter].
func (f forgetter) Forget(ctx context.Context, token billing.Secret) error {
	err := f.Forgetter.Forget(ctx, token)
	outcome := forgotten
	if err != nil {
		outcome = ports.OutcomeName(billing.Outcome{}, err)
	}
	f.forgets.WithLabelValues(f.code, outcome).Inc()
	return err
}
