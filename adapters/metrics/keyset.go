package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// KeySet describes the auth service's keys.
type KeySet struct {
	Age    time.Duration // since they were last read with success
	Used   int           // keys that verify tokens
	Other  int           // keys for another purpose
	Faulty int           // keys that break the rules and are not used
}

// WatchKeySet exports what read returns at each scrape.
func (m *Metrics) WatchKeySet(read func() KeySet) {
	m.registry.MustRegister(keySet{read})
}

type keySet struct{ read func() KeySet }

var (
	authKeys = prometheus.NewDesc("billing_auth_keys",
		"Keys of the auth service, by state. Faulty keys break the rules and are not used.", []string{"state"}, nil)
	authKeysAge = prometheus.NewDesc("billing_auth_keys_age_seconds",
		"Time since the auth service's keys were last read with success. Those of a JWKS are not used after a day.", nil, nil)
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
