package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// KeySet describes the auth service's keys that were fetched from a URL.
type KeySet struct {
	Age    time.Duration // since the last successful fetch
	Used   int           // keys that verify tokens
	Other  int           // keys for another purpose
	Faulty int           // keys that break the rules and are skipped
}

// WatchKeySet exports what read returns at each scrape.
func (m *Metrics) WatchKeySet(read func() KeySet) {
	m.registry.MustRegister(keySet{read})
}

type keySet struct{ read func() KeySet }

var (
	authKeys = prometheus.NewDesc("billing_auth_keys",
		"Keys of the auth service's JWKS, by state. Faulty keys break the rules and are skipped.", []string{"state"}, nil)
	authKeysAge = prometheus.NewDesc("billing_auth_keys_age_seconds",
		"Time since the JWKS was last fetched. After a day its keys are not used any more.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (keySet) Describe(out chan<- *prometheus.Desc) {
	out <- authKeys
	out <- authKeysAge
}

// Collect implements [prometheus.Collector].
func (k keySet) Collect(out chan<- prometheus.Metric) {
	s := k.read()
	for state, n := range map[string]int{"used": s.Used, "other": s.Other, "faulty": s.Faulty} {
		gauge(out, authKeys, float64(n), state)
	}
	gauge(out, authKeysAge, max(0, s.Age.Seconds()))
}
