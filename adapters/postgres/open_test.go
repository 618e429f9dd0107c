package postgres

import (
	"maps"
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
		{"defaults", "", withSettings("role", APIRole)},
		{"another role", "&role=other", withSettings("role", "other")},
		{"own timeout", "&idle_in_transaction_session_timeout=5000", withSettings("role", APIRole, "idle_in_transaction_session_timeout", "5000")},
		{"own schema", "&search_path=mine", withSettings("role", APIRole, "search_path", "mine")},
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

// withSettings returns sessionSettings with other values.
func withSettings(pairs ...string) map[string]string {
	settings := maps.Clone(sessionSettings)
	for i := 0; i < len(pairs); i += 2 {
		settings[pairs[i]] = pairs[i+1]
	}
	return settings
}

// The settings in the URL take effect, in any spelling of their names.
func TestSetDefault_KeepsChosen(t *testing.T) {
	t.Parallel()
	for _, params := range []map[string]string{
		{"timezone": "Asia/Tokyo"}, {"TimeZone": "Asia/Tokyo"}, {"options": "-c TimeZone=Asia/Tokyo"},
	} {
		want := maps.Clone(params)
		setDefault(params, "timezone", "UTC")
		if diff := cmp.Diff(want, params); diff != "" {
			t.Errorf("parameters (-want +got):\n%s", diff)
		}
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
