package tracing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"

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
		fake    fakeSaver
		call    func(*Tracer, fakeSaver) error
		span    string
		outcome string
		status  codes.Code
	}{
		"saved": {fakeSaver{outcome: billing.SaveOutcome{Status: billing.MethodPending}}, save, "save payment method", "pending", codes.Unset},
		"lost":  {fakeSaver{err: errors.New("reset by secret.example")}, save, "save payment method", "unknown", codes.Error},
		"not found": {fakeSaver{err: ports.ErrSaveNotFound}, func(tr *Tracer, f fakeSaver) error {
			_, err := tr.Saver("bank", f).FindSave(context.Background(), ports.SaveQuery{SaveRequest: ports.SaveRequest{Key: "m-1"}})
			return err
		}, "look up saved payment method", "not_found", codes.Unset},
		"forgotten":     {fakeSaver{}, forget, "forget payment method", "", codes.Unset},
		"not forgotten": {fakeSaver{err: ports.ErrNotSent}, forget, "forget payment method", "", codes.Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, spans := inMemory(t)
			if err := tt.call(tracer, tt.fake); !errors.Is(err, tt.fake.err) {
				t.Errorf("got error %v, want %v", err, tt.fake.err)
			}
			s := onlySpan(t, spans)
			a := attributes(s)
			if s.Name != tt.span || a[string(paymentOutcome)] != tt.outcome || a[string(paymentProvider)] != "bank" || s.Status.Code != tt.status {
				t.Errorf("the span is %s %v %v", s.Name, a, s.Status)
			}
			if wantID := tt.outcome != ""; (a[string(methodID)] == "m-1") != wantID || strings.Contains(fmt.Sprint(s), "secret") {
				t.Errorf("the span has %v", a)
			}
		})
	}
}

func save(tr *Tracer, f fakeSaver) error {
	_, err := tr.Saver("bank", f).Save(context.Background(), ports.SaveRequest{Key: "m-1"})
	return err
}

func forget(tr *Tracer, f fakeSaver) error {
	return tr.Forgetter("bank", f).Forget(context.Background(), billing.NewSecret("tok_secret"))
}

func TestSaver_NilTracer(t *testing.T) {
	t.Parallel()
	var off *Tracer
	f := fakeSaver{}
	if off.Saver("bank", f) != ports.Saver(f) || off.Forgetter("bank", f) != ports.Forgetter(f) {
		t.Error("the payment system is wrapped")
	}
}
