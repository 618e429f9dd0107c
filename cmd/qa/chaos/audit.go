package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxDrainTime limits how long unknown outcomes may last after the faults have ended.
// Usually drain takes half a minute.
const maxDrainTime = 15 * time.Minute

// mutantDrainTime limits the total time that a trial with a planted bug spends in
// drain, because some bugs keep payments open forever.
const mutantDrainTime = 40 * time.Second

// check drains the world and audits it.
func (w *world) check() {
	w.drain()
	w.audit()
}

// drain starts renewal runs without faults until no payment is open and no renewal
// is due. It reports a violation if that takes too long.
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
		w.violated("I11: payments are open or renewals are due after %v: the last run exited with code %d, %+v", time.Since(began), code, sum)
	}
	w.note("drained after %v", time.Since(began).Round(time.Millisecond))
}

// openRefunds counts the refunds that are pending. Only a running API sends them.
const openRefunds = `SELECT count(*) FROM refunds WHERE status = 'pending'`

// pendingReceipts are the receipts r whose payment or refund has succeeded, but whose status is
// not final.
const pendingReceipts = `FROM receipts r WHERE r.status = 'pending' AND r.id IN (
	SELECT id FROM payments WHERE status = 'succeeded' UNION ALL SELECT id FROM refunds WHERE status = 'succeeded')`

const openPayments = `SELECT count(*) FROM payments WHERE status = 'pending' AND contradiction = ''`

// queryInt returns the number that a query selects, or -1 if the query fails.
func (w *world) queryInt(query string, args ...any) (n int) {
	if err := w.pool.QueryRow(w.ctx, query, args...).Scan(&n); err != nil {
		w.note("query %s: %v", query, err)
		return -1
	}
	return n
}

// audit checks all invariants. The world must be drained.
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

// countTotals sets the counts of charges, payments and requests to the current totals.
func (w *world) countTotals() {
	for what, n := range map[string]int{
		"charges":           w.queryInt(`SELECT count(*) FROM simulator.charges`),
		"payments":          w.queryInt(`SELECT count(*) FROM payments`),
		"requests answered": len(w.exchanges),
	} {
		w.count(what, n-w.counted(what))
	}
}

// queryLines returns the lines that a query selects. If it fails, the only line is the error.
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

// auditResponses checks that all definite responses to a request are equal, and that
// they agree with the payments table.
func (w *world) auditResponses() {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := map[string]exchange{}
	for _, a := range w.exchanges {
		request := strings.Join([]string{a.viewer, a.method, a.path, a.key}, " ")
		before, known := first[request]
		switch {
		case a.key != "" && known && (before.status != a.status || before.text != a.text):
			w.violated("answers: %s got %v, then %v", request, before.response, a.response)
		case !known:
			first[request] = a
			w.auditResponse(a)
		}
	}
}

// auditResponse checks that the payment has succeeded, if the response to a subscribe or a
// pay request says so.
func (w *world) auditResponse(a exchange) {
	subscribed := a.status == http.StatusCreated && a.path == "/v1/subscriptions"
	paid := a.status == http.StatusOK && strings.HasSuffix(a.path, "/pay")
	if !subscribed && !paid || a.method != http.MethodPost {
		return
	}
	var status string
	err := w.pool.QueryRow(w.ctx, `SELECT status FROM payments WHERE id::text = $1`, a.body.LatestPayment.ID).Scan(&status)
	if err != nil || status != "succeeded" {
		w.violated("answers: %s got %v, but payment %s has status %q, error %v", a.viewer, a.response, a.body.LatestPayment.ID, status, err)
	}
}

// auditSecrets checks that the programs' output contains no payment tokens, access
// tokens, card numbers or contacts.
func (w *world) auditSecrets() {
	for program, line := range w.printed() {
		if strings.Contains(line, "tok_") || strings.Contains(line, "eyJ") || strings.Contains(line, cardNumber) || strings.Contains(line, contactDomain) {
			w.violated("I8: %s printed a secret: %s", program, line)
		}
	}
}

// reconciliation is the output of billingctl reconcile --json.
type reconciliation struct {
	Matched      int      `json:"matched"`
	InFlight     int      `json:"in_flight"`
	MissingHere  []string `json:"missing_here"`
	MissingThere []string `json:"missing_there"`
	Different    []string `json:"different"`
	Double       []string `json:"double"`
}

func (r reconciliation) differs() bool {
	return len(r.MissingHere)+len(r.MissingThere)+len(r.Different)+len(r.Double) > 0
}

func (w *world) reconcile() (found reconciliation) {
	cmd := w.billingctl("reconcile", "--payment-system", "simulator", "--json")
	out, err := cmd.Output() // the exit code is 1 if the tables differ
	if json.Unmarshal(out, &found) != nil {
		w.violated("reconcile: cannot parse its output %q, error %v", out, err)
	}
	if code := cmd.ProcessState.ExitCode(); (code != 0) != found.differs() {
		w.violated("reconcile: exit code %d does not agree with its output %s", code, out)
	}
	return found
}

func (r reconciliation) String() string {
	return fmt.Sprintf("%d matched, %d in flight, missing here %v, missing there %v, different %v, double %v",
		r.Matched, r.InFlight, r.MissingHere, r.MissingThere, r.Different, r.Double)
}
