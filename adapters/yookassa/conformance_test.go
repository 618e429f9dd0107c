package yookassa_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/providertest"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, shop := range map[string]func(*testing.T) shop{
		"without receipts": func(t *testing.T) shop { return newShop(t) }, "with receipts": newReceiptShop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, harness(shop))
		})
	}
}

// harness returns the harnesses of new shops.
func harness(newShop func(*testing.T) shop) func(*testing.T) providertest.Harness {
	return func(t *testing.T) providertest.Harness {
		t.Helper()
		s := newShop(t)
		method := func(m fake.Method) billing.Secret { return billing.NewSecret(s.AddMethod(m)) }
		declined := map[billing.DeclineCode]billing.Secret{}
		for code, reason := range reasonsOfRenewals() {
			declined[code] = method(fake.Method{Reason: reason})
		}
		return providertest.Harness{
			Provider: settled{s}, Ledger: s,
			Confirm: func(ctx context.Context, page string, approve bool) error {
				return reply(ctx, page, map[bool]string{true: "approve", false: "decline"}[approve], "")
			},
			Saver: s, SavePage: func(ctx context.Context, page string, save bool) error {
				return replyTo(ctx, page, map[bool]string{true: "approve", false: "decline"}[save], "", "https://cinema.example/saved")
			},
			Receipt: s.received,
			Tokens: providertest.Tokens{
				OK: method(fake.Method{}), OtherOK: method(fake.Method{}), Declined: declined,
				LostResponse: method(fake.Method{Fault: fake.HoldResponse}),
				Slow:         method(fake.Method{Fault: fake.SlowResponse}),
				Unknown:      billing.NewSecret("2f0d3a1c-000f-5000-8000-18db351245c7"),
				Confirmed:    method(fake.Method{Confirms: true}),
				RefundLost:   method(fake.Method{RefundFault: fake.HoldResponse}),
			},
			NotApplicable: notApplicable(),
		}
	}
}

// received returns the receipt of a payment or a refund.
func (s shop) received(key billing.ReceiptID) (providertest.ReceivedReceipt, error) {
	got, found := s.Receipt(string(key))
	if !found {
		return providertest.ReceivedReceipt{}, errors.New("there is no receipt")
	}
	rates := map[int]billing.VAT{3: billing.VAT10, 4: billing.VAT20} // the codes of YooKassa's documentation
	return providertest.ReceivedReceipt{Item: got.Item, VAT: rates[got.VATCode], Contact: sha256.Sum256([]byte(got.Contact))}, nil
}

// settled looks payments up after the settling time: a request that has not arrived until
// then never will.
type settled struct{ shop }

func (s settled) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	s.Restore(string(r.Key))
	return s.shop.Charge(ctx, r)
}

func (s settled) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	s.CutOff(string(q.Key))
	return s.shop.Find(ctx, q)
}

// reasonsOfRenewals has a reason of YooKassa for each decline code that it can report.
func reasonsOfRenewals() map[billing.DeclineCode]string {
	return map[billing.DeclineCode]string{
		billing.InsufficientFunds: "insufficient_funds", billing.DoNotHonor: "call_issuer",
		billing.GenericDecline: "general_decline", billing.LimitExceeded: "payment_method_limit_exceeded",
		billing.IssuerUnavailable: "issuer_unavailable", billing.ProcessingError: "internal_timeout",
		billing.CardExpired: "card_expired", billing.SuspectedFraud: "fraud_suspected",
		billing.IncorrectNumber: "invalid_card_number", billing.NotPermitted: "payment_method_restricted",
		billing.IncorrectCVC: "invalid_csc", billing.AuthenticationFailed: "3d_secure_failed",
		billing.ActionExpired: "expired_on_confirmation", billing.UnknownDecline: "deal_expired",
	}
}

func notApplicable() map[string]string {
	cases := map[string]string{
		"cancel":                   "YooKassa cancels only what waits for its capture",
		"amounts/smallest":         "YooKassa takes no less than a ruble",
		"amounts/largest":          "YooKassa takes no more than 700,000 rubles",
		"amounts/no decimals":      "YooKassa has no currency without decimals",
		"amounts/three digits":     "YooKassa has no currency with three decimals",
		"unavailable":              "no method makes YooKassa unavailable; TestCharge_NotSent has this case",
		"card":                     "only shops with a certificate may send cards",
		"card refused":             "only shops with a certificate may send cards",
		"card response lost":       "only shops with a certificate may send cards",
		"declines/mandate_revoked": "the outcome also has advice; TestCharge_PermissionRevoked has this case",
		"save, unknown key":        "without a reference a lookup sends the request again; TestFindSave_Repeats has this case",
		"forget":                   "YooKassa has no request for it",
	}
	for _, code := range billing.DeclineCodes() {
		if reasonsOfRenewals()[code] == "" && code != billing.MandateRevoked {
			cases["declines/"+string(code)] = "YooKassa has no reason with this meaning"
		}
	}
	return cases
}
