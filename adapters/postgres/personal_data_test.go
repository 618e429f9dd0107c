package postgres_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// The columns that can hold a text about a user. An erasure empties the first ones. The
// others stay: codes of the service, terms, and the reasons of operators, who are told to
// write no personal data there. A new column must be added to one of the lists.
const (
	erasedColumns = `users: display subject
cards: fingerprint holder last4 number_ct
idempotency_answers: body
payment_methods: token token_ct token_fingerprint
payments: action_url
receipt_contacts: contact contact_ct
saved_methods: action_url last4 provider_ref return_url
user_notes: text written_by`
	keptColumns = `cards: brand
deliveries: last_status
event_authors: author reason
events: currency decline_code plan_code price_currency reason terms_version type
grants: given_by reason source
idempotency_answers: fingerprint key owner
instructions: author author_role currency decided_by fault_code kind origin outcome reason settle_as state
payment_methods: payment_system
payments: consent_mac contradiction currency decline_code initiator payment_system provider_ref status
receipts: item mode payment_system status vat
refunds: currency decline_code payment_system provider_ref reason requested_by status
reminders: reason
saved_methods: brand decline_code payment_system status
subscriptions: consent_mac hold payment_system plan_group price_currency status
token_removals: payment_system token token_ct`
)

func TestErase_EveryColumnIsDecided(t *testing.T) {
	t.Parallel()
	conn := superuser(t, pgtest.URL(t))
	rows, err := conn.Query(t.Context(), `
		SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		  AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid::regtype IN ('text', 'bytea', 'jsonb', 'json')
		  AND (c.relname = 'users' OR EXISTS (SELECT FROM pg_attribute u WHERE u.attrelid = c.oid AND u.attname = 'user_id')
		       AND c.relname NOT LIKE 'panel\_%')`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		got[table+"."+column] = true
	}
	want := map[string]bool{}
	for line := range strings.SplitSeq(erasedColumns+"\n"+keptColumns, "\n") {
		table, columns, _ := strings.Cut(line, ": ")
		for column := range strings.FieldsSeq(columns) {
			want[table+"."+column] = true
		}
	}
	if diff := cmp.Diff(want, got); rows.Err() != nil || diff != "" {
		t.Errorf("%v; decide whether an erasure empties these columns (-listed +in the schema):\n%s", rows.Err(), diff)
	}
}

// The sweep that expires personal data reads its users and their rows, and no whole table.
func TestExpire_ReadsFewRows(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, postgres.APIRole)
	q := ports.ExpiryQuery{
		Keep: billing.KeepingTimes{Subject: time.Hour, Display: time.Hour, Contact: time.Hour, Notes: time.Hour},
		Now:  time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Limit: 100,
	}
	x, err := ports.InTx(t.Context(), s.Store, func(tx ports.Repos) (ports.Expired, error) { return tx.PersonalData.Expire(t.Context(), q) })
	if err != nil || x.Users != 100 || x.Names != 0 {
		t.Errorf("expired %+v, %v; want a page of 100 subscribers", x, err)
	}
	s.scansNone(t, "ExpirePage", regexp.MustCompile(`Seq Scan on (users|subscriptions|payments|refunds|receipts|receipt_contacts)\b`))
}
