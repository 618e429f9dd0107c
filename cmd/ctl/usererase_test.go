package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// personal adds to twoPayments every kind of personal data of the user, and ends the
// subscription. Each value contains the canary. The second method is at a payment system
// that forgets tokens.
const personal = `
UPDATE subscriptions SET status = 'ended', ended_at = '2026-02-09Z', next_charge_at = NULL, past_due_since = NULL, grace_until = NULL, charging = false;
UPDATE payments SET status = 'abandoned', settled_at = '2026-02-03Z', sweep_at = NULL, send_until = NULL, action_url = 'https://bank.example/canary' WHERE status = 'pending';
UPDATE users SET subject = 'canary-subject', display = 'Canary@example.com';
UPDATE payment_methods SET token = 'tok_canary';
INSERT INTO payment_systems VALUES ('stripe', 'Stripe', '2026-01-01Z');
INSERT INTO cards VALUES ('` + ownerID + `', '` + declinedID + `', 'visa', '8765', 12, 2030, 'CANARY HOLDER', 'canary', 1, 'canary', '2026-01-01Z');
INSERT INTO payment_methods (user_id, id, payment_system, token, card_id, created_at) VALUES ('` + ownerID + `', '` + declinedID + `', 'stripe', 'tok_of_stripe', '` + declinedID + `', '2026-01-01Z');
INSERT INTO payment_methods (user_id, id, payment_system, from_page, created_at) VALUES ('` + ownerID + `', '` + pendingID + `', 'stripe', true, '2026-01-01Z');
INSERT INTO saved_methods (user_id, method_id, payment_system, return_url, status, decline_code, provider_ref, action_url, brand, last4, created_at, settled_at)
VALUES ('` + ownerID + `', '` + pendingID + `', 'stripe', 'https://cinema.example/canary', 'failed', '', 'canary', 'https://canary.example', 'visa', '8765', '2026-01-01Z', '2026-01-01Z');
INSERT INTO receipt_contacts (user_id, id, contact) VALUES ('` + ownerID + `', '` + declinedID + `', 'canary@example.com');
INSERT INTO receipt_contacts (user_id, id, contact_ct, contact_key_id) VALUES ('` + ownerID + `', '` + pendingID + `', 'canary', 1);
INSERT INTO receipts (user_id, id, payment_id, payment_system, contact_id, item, vat, mode, tax_system, status, created_at, settled_at, look_at)
VALUES ('` + ownerID + `', '` + declinedID + `', '` + declinedID + `', 'bank', '` + declinedID + `', 'Basic', 'none', 'full_payment', 0, 'void', '2026-02-01Z', '2026-02-01Z', NULL);
INSERT INTO user_notes VALUES ('` + ownerID + `', '` + declinedID + `', 'The canary calls each monday', 'anna', '2026-02-01Z');
INSERT INTO idempotency_answers (user_id, key, fingerprint, owner, status, body) VALUES ('` + ownerID + `', 'hmac 1', '', 'o', 201, '{"holder":"CANARY HOLDER"}');
INSERT INTO users VALUES ('22222222-2222-4222-8222-222222222222', '2026-01-01Z', '2026-01-01Z', 'another', 'other@example.com');`

func TestUserErase_LeavesNothing(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments)
	exec(t, s.url(), personal)
	for _, table := range []string{"users", "payment_methods", "cards", "saved_methods", "receipt_contacts", "user_notes", "idempotency_answers", "payments"} {
		if !strings.Contains(strings.Join(canaries(t, s.url()), "\n"), "public."+table+":") {
			t.Errorf("the search finds nothing in %s before the erasure", table)
		}
	}
	var got erasedJSON
	s.json(t, boot.OK, &got, "user", "erase", "canary-subject", "--reason", "request 2026-118", "--yes")
	if want := (erasedJSON{ownerID, true, true, 2, 1, 1, 3}); got != want {
		t.Errorf("erased %+v, want %+v", got, want)
	}
	for _, found := range canaries(t, s.url()) {
		t.Errorf("after the erasure: %s", found)
	}
	out, _ := s.run(t, boot.OK, "user", "show", ownerID)
	for _, want := range []string{"399.00 RUB", "ended", "payment_declined", "ref-7"} {
		if !strings.Contains(out, want) {
			t.Errorf("the history lacks %q:\n%s", want, out)
		}
	}
	if n := queryText(t, s.url(), "SELECT string_agg(method_id || ' ' || token, ', ') FROM token_removals"); n != declinedID+" tok_of_stripe" {
		t.Errorf("tokens to be forgotten by payment systems: %s", n)
	}
	if audit := queryText(t, s.url(), "SELECT object || ' ' || after FROM panel_audit WHERE action = 'user.erase'"); !strings.HasPrefix(audit, ownerID) ||
		!strings.Contains(audit, "request 2026-118") || !strings.Contains(audit, "2 contacts") {
		t.Errorf("the audit log has %s", audit)
	}
	if other := queryText(t, s.url(), "SELECT subject || ' ' || display FROM users WHERE id <> '"+ownerID+"'"); other != "another other@example.com" {
		t.Errorf("the other user is %s", other)
	}
	out, _ = s.run(t, boot.OK, "user", "erase", ownerID, "--reason", "again", "--yes")
	if !strings.Contains(out, "nothing") {
		t.Errorf("a second erasure: %s", out)
	}
	_, errs := s.run(t, boot.Failed, "user", "show", "canary-subject")
	if !strings.Contains(errs, "there is no user") {
		t.Errorf("the subject still finds the user: %s", errs)
	}
}

// canaries returns the rows of all tables that contain the canary, as text or as bytes, or
// the digits of the card.
func canaries(t *testing.T, url string) (found []string) {
	t.Helper()
	tables := strings.Split(queryText(t, url, `SELECT string_agg(format('%I.%I', schemaname, tablename), ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`), " ")
	if len(tables) < 20 {
		t.Fatalf("searched %q only", tables)
	}
	for _, table := range tables {
		rows := strings.ToLower(queryText(t, url, "SELECT coalesce(string_agg(x::text, E'\n'), '') FROM "+table+" x"))
		for _, form := range []string{"canary", fmt.Sprintf("%x", "canary"), fmt.Sprintf("%x", "CANARY"), ",8765,"} {
			if strings.Contains(rows, form) {
				found = append(found, table+": "+form+" in "+rows)
			}
		}
	}
	return found
}

func queryText(t *testing.T, url, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestUserErase_Refusals(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments)
	exec(t, s.url(), "UPDATE users SET subject = 'viewer-17'")
	for name, tt := range map[string]struct {
		code int
		args []string
		want string
	}{
		"subscription":              {boot.Failed, []string{ownerID, "--reason", "x", "--yes"}, "the user has a subscription (1); end it with billingctl subscription cancel"},
		"unknown":                   {boot.Failed, []string{"viewer-18", "--reason", "x", "--yes"}, "there is no user viewer-18"},
		"no confirmation":           {boot.Misused, []string{ownerID, "--reason", "x"}, "add --yes"},
		"no reason":                 {boot.Misused, []string{ownerID, "--yes"}, "reason"},
		"reason with personal data": {boot.Misused, []string{ownerID, "--reason", "Viewer-17 asked for it", "--yes"}, "--reason contains the subject"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, errs := s.run(t, tt.code, append([]string{"user", "erase"}, tt.args...)...); !strings.Contains(errs, tt.want) {
				t.Errorf("stderr is %q, want %q", errs, tt.want)
			}
		})
	}
	if subject := queryText(t, s.url(), "SELECT subject FROM users"); subject != "viewer-17" {
		t.Errorf("after the refusals, the subject is %q", subject)
	}
}
