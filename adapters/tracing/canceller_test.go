package tracing

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"

	"github.com/online-cinema/billing/core/ports"
)

// fakeCanceller returns a fixed error.
type fakeCanceller struct{ err error }

func (c fakeCanceller) Cancel(context.Context, ports.ChargeQuery) error { return c.err }

func TestCanceller(t *testing.T) {
	t.Parallel()
	for status, fake := range map[codes.Code]fakeCanceller{codes.Unset: {}, codes.Error: {ports.ErrNotSent}} {
		tracer, spans := inMemory(t)
		if err := tracer.Canceller("bank", fake).Cancel(t.Context(), ports.ChargeQuery{Key: "p1"}); !errors.Is(err, fake.err) {
			t.Errorf("Cancel = %v, want %v", err, fake.err)
		}
		s := onlySpan(t, spans)
		a := attributes(s)
		if s.Name != "cancel payment" || a[string(paymentID)] != "p1" || a[string(paymentProvider)] != "bank" || s.Status.Code != status {
			t.Errorf("the span is %s %v %v", s.Name, a, s.Status)
		}
	}
	var off *Tracer
	if c := off.Canceller("bank", fakeCanceller{}); c != (fakeCanceller{}) {
		t.Errorf("without tracing the canceller is %#v, want the given one", c)
	}
}
