package renewals

import (
	"context"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

func TestRunStats_KeepsOnlyOpenPayments(t *testing.T) {
	t.Parallel()
	const n = 10_000
	result := func(i int, s billing.PaymentStatus, err error) []payments.Result {
		id := billing.PaymentID(fmt.Sprint(i))
		return []payments.Result{{Payment: &billing.Payment{ID: id, Status: s, Initiator: billing.MerchantInitiated}, Err: err}}
	}
	var c runStats
	for i := range n {
		c.charged(result(i, billing.PaymentSucceeded, nil))
	}
	if len(c.open) > 0 {
		t.Errorf("%d settled payments are kept", len(c.open))
	}
	for i := range n { // response lost, then two lookups without a result
		c.charged(result(i, billing.PaymentPending, ports.ErrNotSent))
		c.swept(result(i, billing.PaymentPending, context.DeadlineExceeded))
		c.swept(result(i, billing.PaymentPending, nil))
		c.swept(result(n+i, billing.PaymentPending, nil)) // another run's payment
		c.swept(result(n+i, billing.PaymentPending, nil))
	}
	if got, want := c.summary(), (ports.Summary{Renewed: n, Unknown: 2 * n}); got != want || len(c.open) != 2*n || len(c.openKeys()) != 2*n {
		t.Errorf("the summary is %+v with %d open payments, want %+v and %d", got, len(c.open), want, 2*n)
	}
	for i := range n {
		switch s := billing.PaymentSucceeded; i % 2 {
		case 0:
			c.swept(result(i, s, nil))
			c.swept(result(n+i, s, nil))
		default: // settled by another process
			c.reread([]billing.Payment{*result(i, s, nil)[0].Payment, *result(n+i, s, nil)[0].Payment})
		}
	}
	if got, want := c.summary(), (ports.Summary{Renewed: 2 * n, Settled: n / 2}); got != want || len(c.open) != 0 || c.kinds[unknown]+c.kinds[otherRun]+c.kinds[notSent] != 0 {
		t.Errorf("the summary is %+v with %d open payments, want %+v and none", got, len(c.open), want)
	}
}
