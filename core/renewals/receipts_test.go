package renewals_test

import (
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// If receipts are switched on before viewers have given their contacts, the fault is the
// service's: no subscription is put on hold, and the run fails loudly.
func TestRun_NoViewerHasContact(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(60)
		w.Clock.Advance(billingtest.Month)
		w.Provider.Receipts = &billing.ReceiptTerms{Mode: billing.FullPayment}
		_, err := w.Renewer().Run(w.T.Context())
		billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
		if err == nil || !strings.Contains(err.Error(), string(billing.ReceiptContactMissing)) {
			w.T.Errorf("the error is %v, want the reason in it", err)
		}
		w.expectAll(users, billing.StatusActive)
		if held := w.countHeld(users); held != 0 {
			w.T.Errorf("%d subscriptions are on hold, want none", held)
		}
		w.ExpectCharges(60)

		w.Provider.Receipts = nil // switched off again
		w.runUntilQuiet()
		w.expectPaid(users, 2)
	})
}
