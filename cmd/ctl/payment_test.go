package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

const (
	declinedID = "01a20ad7-0000-7000-8000-000000000001"
	pendingID  = "01a20ad7-0000-7000-8000-000000000002"
	ownerID    = "11111111-1111-4111-8111-111111111111"
)

// twoPayments inserts a declined renewal and its retry, whose outcome is unknown.
const twoPayments = `
INSERT INTO users VALUES ('` + ownerID + `', '2026-01-01Z', '2026-01-01Z');
INSERT INTO payment_systems VALUES ('bank', 'Bank', '2026-01-01Z');
INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) VALUES ('` + ownerID + `', '` + ownerID + `', 'bank', 'tok_secret', '2026-01-01Z');
INSERT INTO plans VALUES ('` + ownerID + `', 'basic', 'Basic', 39900, 'RUB', 1, '{}', '2026-01-01Z', '2026-01-01Z');
INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months,
    status, anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end, past_due_since, grace_until, latest_payment_id, created_at, started_at)
VALUES ('` + ownerID + `', '` + ownerID + `', '` + ownerID + `', '` + ownerID + `', 'bank', 39900, 'RUB', 1,
    'past_due', '2026-01-01Z', '2026-01-01Z', '2026-02-01Z', '2026-02-02Z', true, false, '2026-02-01Z', '2026-02-08Z', '` + pendingID + `', '2026-01-01Z', '2026-01-01Z');
INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency, period_start, period_end,
    status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at, sweep_at, send_until)
VALUES ('` + ownerID + `', '` + declinedID + `', '` + ownerID + `', '` + ownerID + `', 'bank', 'merchant', 39900, 'RUB', '2026-02-01Z', '2026-03-01Z',
    'declined', 'insufficient_funds', 'ref-7', '', '', '2026-02-01T00:00:01Z', '2026-02-01T00:00:02Z', NULL, NULL),
       ('` + ownerID + `', '` + pendingID + `', '` + ownerID + `', '` + ownerID + `', 'bank', 'merchant', 39900, 'RUB', '2026-02-01Z', '2026-03-01Z',
    'pending', '', '', 'https://bank.example/secret-page', '', '2026-02-02T00:00:01Z', NULL, '2026-02-02T00:01Z', '2026-02-02T00:02Z');
INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, payment_id, amount, currency, decline_code, access_until, retry_at)
VALUES ('` + ownerID + `', gen_random_uuid(), 'payment_declined', '2026-02-01T00:00:02Z', '` + ownerID + `', 'basic', '` + declinedID + `', 39900, 'RUB',
    'insufficient_funds', '2026-02-08Z', '2026-02-02Z'),
       ('` + ownerID + `', gen_random_uuid(), 'subscribed', '2026-01-01Z', '` + ownerID + `', 'basic', NULL, NULL, NULL, '', '2026-02-01Z', NULL);`

func TestPayment_Output(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments)
	out, _ := s.run(t, boot.OK, "payment", declinedID)
	for _, want := range []string{
		"399.00 RUB through bank", "User " + ownerID, "2026-02-01T00:00:01Z  intent stored", "a renewal",
		"2026-02-01T00:00:02Z  declined", "insufficient_funds; provider reference ref-7", "event payment_declined",
		"next retry at 2026-02-02T00:00:00Z; access until 2026-02-08T00:00:00Z",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "subscribed") {
		t.Errorf("the output has an event without this payment:\n%s", out)
	}
	if byRef, _ := s.run(t, boot.OK, "payment", "ref-7"); byRef != out {
		t.Errorf("by its reference at the payment system the payment is shown as\n%s, want\n%s", byRef, out)
	}
	exec(t, s.url(), "UPDATE payments SET provider_ref = '"+ownerID+"' WHERE id = '"+declinedID+"'")
	if byRef, _ := s.run(t, boot.OK, "payment", ownerID); !strings.Contains(byRef, declinedID) {
		t.Errorf("by a reference that is a UUID another payment is shown:\n%s", byRef)
	}
	exec(t, s.url(), "UPDATE payments SET provider_ref = 'ref-7'")
	if _, errs := s.run(t, boot.Misused, "payment", "ref-7"); !strings.Contains(errs, "give the id of one: "+declinedID+", "+pendingID) {
		t.Errorf("two payments with one reference: stderr is %q", errs)
	}
	var got paymentJSON
	s.json(t, boot.OK, &got, "payment", pendingID)
	if got.Status != "pending" || got.SettledAt != nil || got.SendUntil == nil || got.LookUpAt == nil || got.Events == nil || len(got.Events) > 0 {
		t.Errorf("pending payment: %+v", got)
	}
	for _, flag := range []string{"--json", "--json=false"} {
		if out, _ := s.run(t, boot.OK, "payment", pendingID, flag); strings.Contains(out, "secret") {
			t.Errorf("the output has a secret:\n%s", out)
		}
	}
	for _, unknown := range []string{ownerID, "42"} {
		if _, errs := s.run(t, boot.Failed, "payment", unknown); !strings.Contains(errs, "there is no payment "+unknown) {
			t.Errorf("unknown payment: stderr is %q", errs)
		}
	}
}

// receipts gives the declined renewal a receipt, as if it had succeeded, and a refund with
// another one.
const receipts = `
UPDATE payments SET status = 'succeeded', decline_code = '', refunded = 10000, period_start = '2026-01-01Z', period_end = '2026-02-01Z' WHERE id = '` + declinedID + `';
INSERT INTO refunds (user_id, id, payment_id, subscription_id, payment_system, amount, currency, end_now, requested_by, reason, status, decline_code,
    provider_ref, created_at, settled_at)
VALUES ('` + ownerID + `', '` + refundID + `', '` + declinedID + `', '` + ownerID + `', 'bank', 10000, 'RUB', false, 'anna', 'ticket 4711', 'succeeded', '',
    'ref-8', '2026-02-03Z', '2026-02-03Z');
INSERT INTO receipt_contacts (user_id, id, contact) VALUES ('` + ownerID + `', '` + ownerID + `', 'ann@secret.example');
INSERT INTO receipts (user_id, id, payment_id, payment_system, contact_id, item, vat, mode, tax_system, status, created_at, settled_at, look_at)
VALUES ('` + ownerID + `', '` + declinedID + `', '` + declinedID + `', 'bank', '` + ownerID + `', 'Basic', 'vat20', 'full_payment', 0, 'registered', '2026-02-01Z', '2026-02-01T00:05Z', NULL),
       ('` + ownerID + `', '` + refundID + `', '` + declinedID + `', 'bank', '` + ownerID + `', 'Basic', 'vat20', 'full_payment', 0, 'failed', '2026-02-03Z', '2026-02-03T00:05Z', NULL);`

const refundID = "01a20ad7-0000-7000-8000-000000000003"

func TestPayment_Receipts(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments+receipts)
	out, _ := s.run(t, boot.OK, "payment", declinedID)
	for _, want := range []string{
		"the payment", "refund " + refundID, "Basic", "vat20", "registered", "failed", "2026-02-03T00:00:00Z",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	settled := time.Date(2026, 2, 1, 0, 5, 0, 0, time.UTC)
	later := settled.AddDate(0, 0, 2)
	want := []receiptJSON{
		{declinedID, "Basic", "vat20", "full_payment", "registered", time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), &settled},
		{refundID, "Basic", "vat20", "full_payment", "failed", time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), &later},
	}
	var got paymentJSON
	s.json(t, boot.OK, &got, "payment", declinedID)
	if diff := cmp.Diff(want, got.Receipts); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	whole, _ := s.run(t, boot.OK, "payment", declinedID, "--json")
	if strings.Contains(out+whole, "secret") {
		t.Errorf("the output has the contact:\n%s\n%s", out, whole)
	}
	if out, _ := s.run(t, boot.OK, "payment", pendingID); strings.Contains(out, "RECEIPT") {
		t.Errorf("the output of a payment without a receipt has one:\n%s", out)
	}
}

func TestPaymentSettle(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments)
	settle := func(args ...string) []string { return append([]string{"payment", "settle"}, args...) }
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no flags":        {settle(pendingID), boot.Misused, "--reason is not set"},
		"unknown outcome": {settle(pendingID, "--as", "paid", "--reason", "x"), boot.Misused, "must be succeeded, declined or abandoned"},
		"empty reason":    {settle(pendingID, "--as", "succeeded", "--reason", " "), boot.Misused, "reason must have 1 to 500 characters"},
		"settled already": {settle(declinedID, "--as", "succeeded", "--reason", "x"), boot.Failed, "it is declined already"},
		"unknown payment": {settle(ownerID, "--as", "succeeded", "--reason", "x"), boot.Failed, "there is no payment " + ownerID},
	} {
		if _, errs := s.run(t, c.code, c.args...); !strings.Contains(errs, c.want) {
			t.Errorf("%s: stderr is %q, want %q in it", name, errs, c.want)
		}
	}
	var got paymentJSON
	s.json(t, boot.OK, &got, settle(pendingID, "--as", "succeeded", "--reason", "ticket 4711")...)
	if got.Status != "succeeded" || got.SettledAt == nil || len(got.Events) != 1 || got.Events[0].Type != "renewed" {
		t.Errorf("the settled payment is %+v", got)
	}
	subscription := query(t, s.url(), "SELECT status || ' ' || charging || ' ' || (period_end AT TIME ZONE 'UTC') FROM subscriptions")
	if want := "active false 2026-03-01 00:00:00"; len(subscription) != 1 || subscription[0] != want {
		t.Errorf("the subscription is %q, want %q", subscription, want)
	}
	audit := query(t, s.url(), "SELECT action || ' ' || object || ' ' || (before->>'status') || ' ' || (after->>'status') || ' ' || (after->>'reason') FROM panel_audit")
	if want := "payment.settle " + pendingID + " pending succeeded ticket 4711"; len(audit) != 1 || audit[0] != want {
		t.Errorf("the audit is %q, want %q", audit, want)
	}
}
