package boot_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestOpenTracer_OffWithoutEndpoint(t *testing.T) {
	t.Parallel()
	for variable, on := range map[string]bool{
		"OTEL_TRACES_SAMPLER=always_on":                                   false,
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318":               true,
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://localhost:4318/traces": true,
	} {
		cfg, err := boot.Load[boot.API](environ(t, variable))
		if err != nil {
			t.Fatal(err)
		}
		tracer, err := cfg.OpenTracer(t.Context(), "test", slog.New(slog.DiscardHandler))
		if err != nil || (tracer != nil) != on {
			t.Errorf("%s: %v, %v", variable, tracer, err)
		}
		tracer.Stop()
	}
}

func TestLoad_TracingFaults(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317", "OTEL_EXPORTER_OTLP_ENDPOINT=http://",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=grpc://localhost", "OTEL_TRACES_SAMPLER=some",
	} {
		variable, _, _ := strings.Cut(wrong, "=")
		if _, err := boot.Load[boot.Renew](environ(t, wrong)); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
