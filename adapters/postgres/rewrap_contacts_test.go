package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func contactID(n int) billing.ContactID {
	return billing.ContactID(fmt.Sprintf("00000000-0000-7000-b000-%012d", n))
}

func (w vaultFixture) addContact(s *postgres.Store, n int) {
	w.Helper()
	c := billing.ReceiptContact{ID: contactID(n), UserID: w.user, Contact: billing.Contact{Secret: billing.NewSecret(fmt.Sprintf("ann%d@example.com", n))}}
	w.tx(s, func(ctx context.Context, tx ports.Repos) error { return tx.Receipts.AddContact(ctx, c) })
}

func TestContacts_AreEncrypted(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.addContact(w.encrypting, 1)
	if row := w.text("SELECT c::text FROM receipt_contacts c"); strings.Contains(row, "example.com") || strings.Contains(row, fmt.Sprintf("%x", "example.com")) {
		t.Errorf("the row has the contact: %s", row)
	}
}

// Contacts are encrypted again, so that an old key can be removed. A contact that was moved
// to another row does not open there.
func TestRewrap_Contacts(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	for n := range 3 {
		w.addContact(w.encrypting, n)
	}
	w.addContact(w.plain, 3) // from a time without a vault
	w.exec("UPDATE receipt_contacts a SET contact_ct = b.contact_ct FROM receipt_contacts b WHERE a.id = $1 AND b.id = $2", contactID(1), contactID(2))
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	reencrypted, broken := w.rewrap(1)
	if diff := cmp.Diff([]string{"receipt contact " + string(contactID(1))}, broken); diff != "" || reencrypted != 3 {
		t.Errorf("re-encrypted %d, want 3; broken (-want +got):\n%s", reencrypted, diff)
	}
	w.expectByKey(func(u postgres.KeyUsage) int64 { return u.Contacts }, 1, 3)
}
