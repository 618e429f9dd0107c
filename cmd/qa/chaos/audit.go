package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// slowest is how long it may take until nothing is unknown any more, once
// nothing is broken any more. Half a minute is what is seen.
const maxDrainTime = 15 * time.Minute

// mutantRest is how long a trial with a planted bug waits for rest, all in all:
// some bugs never let it come.
const mutantDrainTime = 40 * time.Second

// check lets everything come to rest and compares the books.
func (w *world) check() {
	w.drain()
	w.audit()
}

// rest makes renewal runs, with nothing broken, until there is nothing to do
// any more: no payment is open and nothing is due.
func (w *world) drain() {
	began := time.Now()
	code, sum := 0, runSummary{}
	limit := maxWait + maxDrainTime/10
	if w.mutant != "" {
		limit = mutantDrainTime - w.drained
	}
	defer func() { w.drained += time.Since(began) }()
	quiet := waitFor(limit, func() bool {
		code, sum = w.startRun().wait()
		return code == 0 && sum.Due == 0 && w.queryInt(openPayments) == 0
	})
	if !quiet {
		w.violated("I11: not at rest after %v: the last run ended with %d, %+v", time.Since(began), code, sum)
	}
	w.note("at rest after %v", time.Since(began).Round(time.Millisecond))
}

const openPayments = `SELECT count(*) FROM payments WHERE status = 'pending' AND contradiction = ''`

// number returns what a query counts.
func (w *world) queryInt(query string, args ...any) (n int) {
	if err := w.pool.QueryRow(w.ctx, query, args...).Scan(&n); err != nil {
		w.note("cannot count: %v", err)
		return -1
	}
	return n
}

// compare checks everything that holds at rest.
func (w *world) audit() {
	for _, i := range invariants {
		for _, line := range w.queryLines(i.query) {
			w.violated("%s: %s", i.Name, line)
		}
	}
	w.auditPeriods()
	w.auditResponses()
	w.auditSecrets()
	if found := w.reconcile(); found.differs() {
		w.violated("reconcile: %+v", found)
	}
	w.countTotals()
}

// countBooks counts what is in the books by now, once, however often it is called.
func (w *world) countTotals() {
	for what, n := range map[string]int{
		"charges":           w.queryInt(`SELECT count(*) FROM simulator.charges`),
		"payments":          w.queryInt(`SELECT count(*) FROM payments`),
		"requests answered": len(w.exchanges),
	} {
		w.count(what, n-w.counted(what))
	}
}

// lines returns what a query says is wrong.
func (w *world) queryLines(query string) []string {
	rows, err := w.pool.Query(w.ctx, query)
	if err != nil {
		return []string{"cannot be checked: " + err.Error()}
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return []string{"cannot be checked: " + err.Error()}
	}
	return lines
}

// compareAnswers looks whether all definite answers to a request are the same,
// and whether what they say is in the books.
func (w *world) auditResponses() {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := map[string]exchange{}
	for _, a := range w.exchanges {
		request := strings.Join([]string{a.viewer, a.method, a.path, a.key}, " ")
		before, known := first[request]
		switch {
		case a.key != "" && known && (before.status != a.status || before.text != a.text):
			w.violated("answers: %s was answered %v, then %v", request, before.response, a.response)
		case !known:
			first[request] = a
			w.auditResponse(a)
		}
	}
}

// compareAnswer looks whether what a viewer was told about money is true.
func (w *world) auditResponse(a exchange) {
	want := map[int]string{http.StatusCreated: "succeeded"}[a.status]
	if want == "" || a.path != "/v1/subscriptions" || a.method != http.MethodPost {
		return
	}
	var status string
	err := w.pool.QueryRow(w.ctx, `SELECT status FROM payments WHERE id::text = $1`, a.body.LatestPayment.ID).Scan(&status)
	if err != nil || status != want {
		w.violated("answers: %s was told %v, but payment %s is %q, %v", a.viewer, a.response, a.body.LatestPayment.ID, status, err)
	}
}

// lookForSecrets looks for payment tokens, access tokens and card numbers in
// what the programs said.
func (w *world) auditSecrets() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		for _, line := range p.output() {
			if strings.Contains(line, "tok_") || strings.Contains(line, "eyJ") || strings.Contains(line, cardNumber) {
				w.violated("I8: %s said: %s", p.name, line)
			}
		}
	}
}

// reconciliation is what billingctl reconcile prints.
type reconciliation struct {
	Matched      int      `json:"matched"`
	MissingHere  []string `json:"missing_here"`
	MissingThere []string `json:"missing_there"`
	Different    []string `json:"different"`
	Double       []string `json:"double"`
}

func (r reconciliation) differs() bool {
	return len(r.MissingHere)+len(r.MissingThere)+len(r.Different)+len(r.Double) > 0
}

func (w *world) reconcile() (found reconciliation) {
	path, err := w.programs.path(w.ctx, "ctl", released)
	w.require("billingctl", err)
	cmd := exec.CommandContext(w.ctx, path, "reconcile", "--payment-system", "simulator", "--json")
	cmd.Env = w.environ()
	out, err := cmd.Output() // which exits with 1 when the books differ
	if json.Unmarshal(out, &found) != nil {
		w.violated("reconcile: it printed %q, %v", out, err)
	}
	if code := cmd.ProcessState.ExitCode(); (code != 0) != found.differs() {
		w.violated("reconcile: it ended with %d, but printed %s", code, out)
	}
	return found
}

func (r reconciliation) String() string {
	return fmt.Sprintf("%d matched, missing here %v, missing there %v, different %v, double %v",
		r.Matched, r.MissingHere, r.MissingThere, r.Different, r.Double)
}
