package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A pooler in transaction mode accepts no start-up parameter.
func TestOpenRole_StartupParameters(t *testing.T) {
	t.Parallel()
	const url = "postgres://u@127.0.0.1/d?sslmode=disable"
	for _, c := range []struct {
		name, more string
		want       map[string]string
	}{
		{"defaults", "", map[string]string{"role": APIRole, "idle_in_transaction_session_timeout": "60000"}},
		{"another role", "&role=other", map[string]string{"role": "other", "idle_in_transaction_session_timeout": "60000"}},
		{"own timeout", "&idle_in_transaction_session_timeout=5000", map[string]string{"role": APIRole, "idle_in_transaction_session_timeout": "5000"}},
		{"behind a pooler", "&role=none", map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pool, err := OpenRole(t.Context(), url+c.more, APIRole)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			if diff := cmp.Diff(c.want, pool.Config().ConnConfig.RuntimeParams); diff != "" {
				t.Errorf("start-up parameters (-want +got):\n%s", diff)
			}
		})
	}
}

// In some modes a service would start, charge, and fail to record the outcome.
func TestOpenRole_RefusesUnusableExecModes(t *testing.T) {
	t.Parallel()
	for mode, usable := range map[string]bool{
		"cache_statement": true, "cache_describe": true, "describe_exec": false, "exec": false, "simple_protocol": false,
	} {
		pool, err := OpenRole(t.Context(), "postgres://u@127.0.0.1/d?sslmode=disable&default_query_exec_mode="+mode, APIRole)
		if (err == nil) != usable {
			t.Errorf("%s: %v", mode, err)
		}
		if err == nil {
			pool.Close()
		}
	}
}
