package yookassa

import (
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Body returns the body of the request for r.
func Body(y *YooKassa, r ports.ChargeRequest) ([]byte, error) { return y.body(r) }

// Currencies are the currencies that the adapter sends.
func Currencies() []billing.Currency { return currencies() }

// DeclineCodes maps the reasons of YooKassa.
func DeclineCodes() map[string]billing.DeclineCode { return declineCodes() }

// RefundDecline returns the decline code of a reason of a refund.
func RefundDecline(reason string) billing.DeclineCode { return refundDecline(reason) }

// RefundDeclines maps the reasons of canceled refunds.
func RefundDeclines() map[string]billing.DeclineCode { return refundDeclines() }

// Decline returns the decline code and the advice of a reason.
func Decline(reason string) (billing.DeclineCode, billing.Advice) { return decline(reason) }

// SearchAll searches for all queries at once. It returns the reference of each payment, or
// the error.
func (y *YooKassa) SearchAll(deadline time.Time, queries ...ports.ChargeQuery) (refs []string, errs []error) {
	all := make([]search, len(queries))
	for i, q := range queries {
		all[i] = search{q, deadline}
	}
	results, _ := y.searchAll(all) // its errors are in the results
	for _, f := range results {
		refs, errs = append(refs, f.payment.ID), append(errs, f.err)
	}
	return refs, errs
}
