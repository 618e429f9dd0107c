package metrics_test

import (
	"testing"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/operators"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	m.SignIn(operators.SignInCodeRefused)
	expect(t, m,
		`billing_panel_sign_ins_total{result="succeeded"} 0`,
		`billing_panel_sign_ins_total{result="password_refused"} 0`,
		`billing_panel_sign_ins_total{result="code_refused"} 1`,
		`billing_panel_sign_ins_total{result="limited"} 0`)
}
