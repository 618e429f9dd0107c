package boot

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/online-cinema/billing/adapters/tracing"
)

// Tracing holds OpenTelemetry's own variables for exporting traces. Without an
// endpoint tracing is off.
type Tracing struct {
	Endpoint       Endpoint `env:"OTEL_EXPORTER_OTLP_ENDPOINT" helpDefault:"none: no traces" must:"be an http or https URL such as http://localhost:4318" help:"OpenTelemetry collector that receives traces (OTLP over HTTP)"`
	TracesEndpoint Endpoint `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" helpDefault:"OTEL_EXPORTER_OTLP_ENDPOINT with /v1/traces" must:"be an http or https URL such as http://localhost:4318/v1/traces" help:"Complete URL for traces"`
	Sampler        Sampler  `env:"OTEL_TRACES_SAMPLER" helpDefault:"at most 10 traces a second" must:"be always_on, always_off, traceidratio, or one of these with parentbased_ before it" help:"Sampler of traces"`
}

// OpenTracer returns the tracer, or nil if tracing is off. The caller must stop it.
func (t Tracing) OpenTracer(ctx context.Context, program string, log *slog.Logger) (*tracing.Tracer, error) {
	endpoint := string(t.TracesEndpoint)
	if endpoint == "" && t.Endpoint != "" { // the base of one URL for each kind of signal
		endpoint = strings.TrimRight(string(t.Endpoint), "/") + "/v1/traces"
	}
	if endpoint == "" {
		return nil, nil //nolint:nilnil // nil is tracing off
	}
	return tracing.New(ctx, tracing.Config{
		Program: program, Version: version, Endpoint: endpoint, SamplerGiven: t.Sampler != "", Log: log,
	})
}

// Endpoint is the URL of an OpenTelemetry collector.
type Endpoint string

// UnmarshalText parses a URL.
func (e *Endpoint) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errInvalid
	}
	*e = Endpoint(text)
	return nil
}

// Sampler names the method by which OpenTelemetry selects the traces to keep.
type Sampler string

// UnmarshalText parses the name of a sampler.
func (s *Sampler) UnmarshalText(text []byte) error {
	switch strings.TrimPrefix(string(text), "parentbased_") {
	case "always_on", "always_off", "traceidratio":
		*s = Sampler(text)
		return nil
	}
	return errInvalid
}
