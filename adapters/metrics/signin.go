package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/operators"
)

func newSignIns() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "billing_panel_sign_ins_total",
		Help: "Sign-ins at the panel, by result: succeeded, password_refused, code_refused (after a right password) or limited (not tried).",
	}, []string{"result"})
	for _, r := range operators.SignInResults() {
		v.WithLabelValues(string(r))
	}
	return v
}

// SignIn counts a result of a sign-in at the panel.
func (m *Metrics) SignIn(r operators.SignInResult) { m.signIns.WithLabelValues(string(r)).Inc() }
