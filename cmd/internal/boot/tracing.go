package boot

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/online-cinema/billing/adapters/tracing"
)

// Tracing is where traces go, in the variables that OpenTelemetry has for it.
// There are none unless it is said.
type Tracing struct {
	Endpoint       Endpoint `env:"OTEL_EXPORTER_OTLP_ENDPOINT" must:"be an http or https URL such as http://localhost:4318"`
	TracesEndpoint Endpoint `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" must:"be an http or https URL such as http://localhost:4318/v1/traces"`
	Sampler        Sampler  `env:"OTEL_TRACES_SAMPLER" must:"be always_on, always_off, traceidratio, or one of these with parentbased_ before it"`
}

// OpenTracer returns the tracer, to be stopped in the end; nil where there is none.
func (t Tracing) OpenTracer(ctx context.Context, program string, log *slog.Logger) (*tracing.Tracer, error) {
	endpoint := string(t.TracesEndpoint)
	if endpoint == "" && t.Endpoint != "" { // of which the signals are parts
		endpoint = strings.TrimRight(string(t.Endpoint), "/") + "/v1/traces"
	}
	if endpoint == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	return tracing.New(ctx, tracing.Config{
		Program: program, Version: version, Endpoint: endpoint, SamplerGiven: t.Sampler != "", Log: log,
	})
}

// Endpoint is the URL of an OpenTelemetry collector.
type Endpoint string

// UnmarshalText reads a URL.
func (e *Endpoint) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errInvalid
	}
	*e = Endpoint(text)
	return nil
}

// Sampler names how OpenTelemetry chooses the traces that are kept.
type Sampler string

// UnmarshalText reads the name of a sampler.
func (s *Sampler) UnmarshalText(text []byte) error {
	switch strings.TrimPrefix(string(text), "parentbased_") {
	case "always_on", "always_off", "traceidratio":
		*s = Sampler(text)
		return nil
	}
	return errInvalid
}
