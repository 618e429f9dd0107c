package main

import (
	"strings"
	"testing"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// paidPayment makes the declined payment of twoPayments a succeeded one, and no other is
// pending.
const paidPayment = twoPayments + `
UPDATE payments SET status = 'declined', settled_at = now(), sweep_at = NULL, send_until = NULL WHERE id = '` + pendingID + `';
UPDATE payments SET status = 'succeeded', decline_code = '', first_sent_at = now() WHERE id = '` + declinedID + `';
UPDATE subscriptions SET charging = false`

func TestPaymentRefund_StoresRefund(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), paidPayment)
	var r refundJSON
	s.json(t, boot.OK, &r, "payment", "refund", "ref-7", "--amount", "100.50", "--reason", " ticket 4711 ")
	if r.Status != "pending" || r.Amount.Amount != 100_50 || r.EndNow || r.Reason != "ticket 4711" || !strings.HasPrefix(r.By, "billingctl") || r.PaymentID != declinedID {
		t.Errorf("refund %+v", r)
	}
	var p paymentJSON
	s.json(t, boot.OK, &p, "payment", declinedID)
	if p.Refunded.Amount != 100_50 || len(p.Refunds) != 1 || p.Refunds[0] != r {
		t.Errorf("refunded %d, refunds %+v", p.Refunded.Amount, p.Refunds)
	}
	out, _ := s.run(t, boot.OK, "payment", declinedID)
	for _, want := range []string{r.ID, "100.50 RUB", "pending; by ", "ticket 4711", "event refund_requested"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if _, errs := s.run(t, boot.Failed, "payment", "refund", declinedID, "--reason", "again"); !strings.Contains(errs, "another refund of the payment is pending") {
		t.Errorf("a second refund: stderr is %q", errs)
	}
	audit := query(t, s.url(), "SELECT object || ' ' || after::text FROM panel_audit WHERE action = 'payment.refund'")
	if len(audit) != 1 || !strings.Contains(audit[0], declinedID) || !strings.Contains(audit[0], "100.50 RUB") || !strings.Contains(audit[0], "ticket 4711") {
		t.Errorf("the audit log has %q", audit)
	}
}

func TestPaymentRefund_EndNow(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), paidPayment)
	out, _ := s.run(t, boot.OK, "payment", "refund", declinedID, "--end-now", "--reason", "leaves")
	if !strings.Contains(out, "of 399.00 RUB is stored") {
		t.Errorf("stdout is %q", out)
	}
	shown, _ := s.run(t, boot.OK, "payment", declinedID)
	if !strings.Contains(shown, "refund_requested") {
		t.Errorf("the payment is shown as\n%s", shown)
	}
}

func TestPaymentRefund_Refusals(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), paidPayment)
	for name, tt := range map[string]struct {
		code int
		args []string
		want string
	}{
		"no reason":           {boot.Misused, []string{declinedID}, "--reason is not set"},
		"an empty reason":     {boot.Misused, []string{declinedID, "--reason", " "}, "must have 1 to 500 characters"},
		"a card number in it": {boot.Misused, []string{declinedID, "--reason", "4242424242424242"}, "must not contain a card number"},
		"no amount":           {boot.Misused, []string{declinedID, "--reason", "x", "--amount", "ten"}, "--amount"},
		"too many digits":     {boot.Misused, []string{declinedID, "--reason", "x", "--amount", "1.001"}, "--amount"},
		"nothing":             {boot.Misused, []string{declinedID, "--reason", "x", "--amount", "0"}, "must be above 0"},
		"too much":            {boot.Failed, []string{declinedID, "--reason", "x", "--amount", "399.01"}, "399.00 RUB can still be refunded"},
		"both flags":          {boot.Misused, []string{declinedID, "--reason", "x", "--end-now", "--keep-access"}, "exclude each other"},
		"a declined payment":  {boot.Failed, []string{pendingID, "--reason", "x"}, "there is no money to pay back"},
		"an unknown payment":  {boot.Failed, []string{ownerID, "--reason", "x"}, "there is no payment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, errs := s.run(t, tt.code, append([]string{"payment", "refund"}, tt.args...)...); !strings.Contains(errs, tt.want) {
				t.Errorf("stderr is %q, want %q in it", errs, tt.want)
			}
		})
	}
}

func TestPaymentSettle_Refund(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), paidPayment)
	var r refundJSON
	s.json(t, boot.OK, &r, "payment", "refund", declinedID, "--reason", "x")
	if _, errs := s.run(t, boot.Failed, "payment", "settle", r.ID, "--as", "succeeded", "--reason", "seen"); !strings.Contains(errs, "does not wait for a person") {
		t.Errorf("stderr is %q", errs)
	}
	exec(t, s.url(), "UPDATE refunds SET review_since = now()")
	s.json(t, boot.OK, &r, "payment", "settle", r.ID, "--as", "abandoned", "--reason", "seen")
	if r.Status != "abandoned" {
		t.Errorf("the refund is %s", r.Status)
	}
	s.json(t, boot.OK, &r, "payment", "refund", declinedID, "--reason", "again")
}
