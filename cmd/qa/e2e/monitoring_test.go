package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

const monitoring = "../../api/monitoring/"

// monitoringQueries returns the queries of the dashboard and of the alerts, by panel
// and by alert.
func monitoringQueries(t *testing.T) map[string]string {
	t.Helper()
	read := func(file string, decode func([]byte, any) error, into any) {
		text, err := os.ReadFile(monitoring + file)
		if err == nil {
			err = decode(text, into)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	read("dashboard.json", json.Unmarshal, &dashboard)
	read("alerts.yaml", yaml.Unmarshal, &alerts)
	queries := map[string]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries["panel "+p.Title] += " " + target.Expr
		}
	}
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			queries["alert "+r.Alert] = r.Expr
		}
	}
	if len(queries) < 40 {
		t.Errorf("%d queries, want at least 40", len(queries))
	}
	return queries
}

var (
	series   = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? `)
	selector = regexp.MustCompile(`\b((?:billing|go|process)_\w+)(?:\{([^}]*)\})?`)
	label    = regexp.MustCompile(`(\w+)(?:=|!=|=~|!~)"`)
)

// exports returns the labels of each series in the text format of Prometheus.
func exports(text string) map[string]string {
	found := map[string]string{}
	for _, m := range series.FindAllStringSubmatch(text, -1) {
		found[m[1]] += "," + m[2]
	}
	return found
}

// A query for a metric that no program exports never fires an alert and leaves its
// panel empty.
func TestMonitoring_QueriesExportedMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "BILLING_ENV=test", "BILLING_SIMULATOR_MISHAPS=receipts=full_payment")
	a := w.api(t, "billing-api")
	w.ctl(t, "endpoint", "add", "--url", "https://crm.example/billing")
	v := a.at(w.viewer(t, "alice"))
	order := strings.Replace(subscribeBody("tok_lost_answer"), "{", `{"receipt":{"email":"alice@cinema.example"},`, 1)
	v.call(t, http.MethodPost, "/v1/subscriptions", "", order)
	dir := t.TempDir()
	run, ledger := filepath.Join(dir, "run.prom"), filepath.Join(dir, "ledger.prom")
	if out, err := w.renewCommand(t, "billing-renew", []string{"--metrics-file", run}).CombinedOutput(); err != nil {
		t.Fatalf("the run: %v\n%s", err, out)
	}
	w.ctl(t, "reconcile", "--payment-system", "simulator", "--metrics-file", ledger)
	text := metrics(t, a)
	for _, file := range []string{run, ledger} {
		more, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(more)
	}
	exported := exports(text)
	for where, query := range monitoringQueries(t) {
		names := selector.FindAllStringSubmatch(query, -1)
		if len(names) == 0 {
			t.Errorf("%s has no metric: %s", where, query)
		}
		for _, m := range names {
			labels, ok := exported[m[1]]
			if !ok {
				t.Errorf("%s queries %s, which no program exports", where, m[1])
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if !strings.Contains(labels, l[1]+`="`) {
					t.Errorf("%s queries the label %s, which %s does not have", where, l[1], m[1])
				}
			}
		}
	}
}
