package viewers_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/viewers"
)

// A viewer who cancels and resumes without end is refused to resume. Cancelling always
// works.
func TestResume_Limit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	w.Clock.Advance(time.Hour)
	cancel := func() {
		t.Helper()
		_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
		billingtest.ExpectError(t, err, nil)
	}
	resume := func() error {
		_, err := w.Process().Resume(t.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
		return err
	}
	for range 20 {
		cancel()
		billingtest.ExpectError(t, resume(), nil)
	}
	billingtest.ExpectError(t, resume(), nil) // changes nothing
	cancel()
	cancel()
	limited, ok := errors.AsType[*billing.LimitedError](resume())
	if !ok || limited.RetryAfter != 24*time.Hour {
		t.Fatalf("resume 21 of the day: %v, want a wait of a day", limited)
	}
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	if s := w.Subscriptions()[0]; !s.CancelAtPeriodEnd {
		t.Error("the refused resume revoked the cancel")
	}
	w.Clock.Advance(24 * time.Hour)
	billingtest.ExpectError(t, resume(), nil)
}
