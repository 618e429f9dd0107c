package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refund is a refund, as the API and billingctl show it.
type refund struct {
	ID, Status string
	Amount     struct{ Amount int }
}

// openRefund opens a refund with billingctl payment refund.
func (w world) openRefund(t *testing.T, payment string, args ...string) (r refund) {
	t.Helper()
	args = append([]string{"payment", "refund", payment, "--reason", "ticket 4711", "--json"}, args...)
	if err := json.Unmarshal(w.ctl(t, args...), &r); err != nil {
		t.Fatal(err)
	}
	if r.ID == "" || r.Status != "pending" {
		t.Fatalf("the new refund is %+v, want it pending", r)
	}
	return r
}

// checkRefunds fails the test unless the payments and the refunds match the ledger, with
// that number of refunds.
func (w world) checkRefunds(t *testing.T, system string, refunds int) {
	t.Helper()
	var got struct{ Refunds refundReconciliation }
	if err := json.Unmarshal(w.ctl(t, "reconcile", "--payment-system", system, "--json"), &got); err != nil {
		t.Fatal(err)
	}
	want := refundReconciliation{Matched: refunds, MissingHere: []string{}, MissingThere: []string{}, Different: []string{}}
	if diff := cmp.Diff(want, got.Refunds); diff != "" {
		t.Errorf("refunds of %s (-want +got):\n%s", system, diff)
	}
}

// refundReconciliation is the part of billingctl reconcile --json about refunds.
type refundReconciliation struct {
	Matched      int      `json:"matched"`
	InFlight     int      `json:"in_flight"`
	MissingHere  []string `json:"missing_here"`
	MissingThere []string `json:"missing_there"`
	Different    []string `json:"different"`
}

// latestPayment returns the id of the viewer's latest payment.
func (v viewer) latestPayment(t *testing.T) string {
	t.Helper()
	list := v.get(t, "/v1/payments").body.Data
	if len(list) == 0 {
		t.Fatal("the viewer has no payments")
	}
	return list[0].ID
}

// refundsOf returns the refunds of a payment, oldest first.
func (v viewer) refundsOf(t *testing.T, payment string) []refund {
	t.Helper()
	var p struct{ Refunds []refund }
	if err := json.Unmarshal([]byte(v.get(t, "/v1/payments/"+payment).text), &p); err != nil {
		t.Fatal(err)
	}
	return p.Refunds
}

// waitRefunded waits until the API shows the refund with the status.
func (v viewer) waitRefunded(t *testing.T, payment string, r refund, status string) {
	t.Helper()
	r.Status = status
	eventually(t, "the refund is "+status, func() bool {
		list := v.refundsOf(t, payment)
		return len(list) > 0 && list[len(list)-1] == r
	})
}

// paidBack returns how often and how much the simulator paid a payment back.
func (w world) paidBack(t *testing.T, payment string) (text string) {
	t.Helper()
	w.scan(t, fmt.Sprintf(`SELECT format('%%s refunds of %%s', count(*), sum(amount)) FROM simulator.refunds WHERE payment = '%s'`, payment), &text)
	return text
}

// An operator refunds a part of a payment, and then the rest with the end of the
// subscription.
func TestRefund_ToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", got.status, got.text)
	}
	payment := alice.latestPayment(t)

	part := w.openRefund(t, payment, "--amount", "100.00")
	alice.waitRefunded(t, payment, part, "succeeded")
	if got := alice.get(t, "/v1/subscriptions/premium").body.Status; got != "active" {
		t.Errorf("after a part, the subscription is %v, want active", got)
	}

	rest := w.openRefund(t, payment, "--end-now")
	alice.waitRefunded(t, payment, rest, "succeeded")
	if part.Amount.Amount != 100_00 || rest.Amount.Amount != 299_00 {
		t.Errorf("refunds of %d and %d, want 10000 and 29900", part.Amount.Amount, rest.Amount.Amount)
	}
	if got := strings.ReplaceAll(alice.get(t, "/v1/entitlements").text, " ", ""); strings.TrimSpace(got) != `{"features":[],"until":null}` {
		t.Errorf("after --end-now, the entitlements are %s", got)
	}
	want := []string{"subscribed", "refund_requested", "refunded", "refund_requested", "cancel_requested", "ended", "refunded"}
	if diff := cmp.Diff(want, alice.eventTypes(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	w.checkLedger(t, 1)
	w.checkRefunds(t, "simulator", 2)
}

// A bank takes a refund back after it has succeeded. The notification of the payment
// system makes it declined, and its amount can be refunded again.
func TestRefund_TakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_refund_fails")); got.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", got.status, got.text)
	}
	payment := alice.latestPayment(t)
	alice.waitRefunded(t, payment, w.openRefund(t, payment), "declined")
	want := []string{"subscribed", "refund_requested", "refunded", "refund_failed"}
	if diff := cmp.Diff(want, alice.eventTypes(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if reserved := w.query(t, "SELECT refunded FROM payments"); reserved != 0 {
		t.Errorf("%d are reserved in the payment, want nothing", reserved)
	}
	const accepted = `billing_notifications_total{provider="simulator",result="accepted"} 1`
	if !strings.Contains(metrics(t, a), "\n"+accepted+"\n") {
		t.Error("the API counts no notification")
	}
	w.checkRefunds(t, "simulator", 0)
}

// After a kill at any point of a refund, the API pays back exactly once.
func TestRefund_KilledAtEachPoint(t *testing.T) {
	t.Parallel()
	points := []string{"refund.granted", "refund.before", "refund.after", "refund.recorded"}
	// All processes are killed first. Then the waits for the ends of their leases overlap.
	worlds, viewers, refunds := map[string]world{}, map[string]viewer{}, map[string]refund{}
	for _, point := range points {
		w := newWorld(t, shortChargeTimeout)
		dying := w.api(t, "billing-api-crash", "BILLING_CRASH_AT="+point)
		alice := w.viewer(t, "alice")
		if got := dying.at(alice).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
			t.Fatalf("subscribe: %d %s", got.status, got.text)
		}
		refunds[point] = w.openRefund(t, dying.at(alice).latestPayment(t), "--amount", "100.00", "--end-now")
		if code := dying.wait(t); code != -1 {
			t.Fatalf("%s: the API exited with %d, want a kill", point, code)
		}
		worlds[point], viewers[point] = w, w.api(t, "billing-api-crash").at(alice)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			w, alice := worlds[point], viewers[point]
			payment := alice.latestPayment(t)
			alice.waitRefunded(t, payment, refunds[point], "succeeded")
			if got, want := w.paidBack(t, payment), "1 refunds of 10000"; got != want {
				t.Errorf("the simulator has %s, want %s", got, want)
			}
			if diff := cmp.Diff([]string{"subscribed", "refund_requested", "cancel_requested", "ended", "refunded"}, alice.eventTypes(t)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			w.checkLedger(t, 1)
			w.checkRefunds(t, "simulator", 1)
		})
	}
}
