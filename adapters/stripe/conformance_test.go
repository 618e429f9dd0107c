package stripe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/providertest"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		w := newWorld(t, func(cfg *stripe.Config, f *fake.Config) { cfg.Now, f.Now = time.Now, time.Now })
		for _, id := range []string{"pm_ok", "pm_ok_other"} { // renewals need saved payment methods
			w.fake.Attach(id, "")
		}
		return providertest.Harness{
			Provider: w, Ledger: w, Confirm: reply, Canceller: w, Saver: w, SavePage: reply, Forgetter: w,
			Tokens: providertest.Tokens{
				OK:           billing.NewSecret("pm_ok"),
				OtherOK:      billing.NewSecret("pm_ok_other"),
				Declined:     declined(),
				LostResponse: billing.NewSecret("pm_lost"),
				Slow:         billing.NewSecret("pm_slow"),
				Unavailable:  billing.NewSecret("pm_unavailable"),
				Unknown:      billing.NewSecret("pm_missing"),
				Confirmed:    billing.NewSecret("pm_3ds"),
				RefundLost:   billing.NewSecret("pm_refund_lost"),
			},
			NotApplicable: map[string]string{
				"amounts/smallest":     "Stripe has a minimum",
				"amounts/three digits": "the last of three digits must be 0",
				"amounts/largest":      "Stripe takes at most 8 digits",
				"card":                 "the adapter refuses cards",
				"card refused":         "the adapter refuses cards",
				"card response lost":   "the adapter refuses cards",
				"same key for another request/unknown token": "the payment method is read before the key is used",
				"declines/token_invalid":                     "it has an advice; see TestDeclines",
				"declines/mandate_revoked":                   "it has an advice; see TestDeclines",
				"declines/action_expired":                    "a page expires after a day; see TestPage_Expires",
				"save refused":                               "the viewer can try another card; see TestSave_Expires",
			},
		}
	})
}

// declined returns a payment method for each decline code that has no advice.
func declined() map[billing.DeclineCode]billing.Secret {
	tokens := map[billing.DeclineCode]billing.Secret{}
	for ours, theirs := range map[billing.DeclineCode]string{
		billing.InsufficientFunds: "insufficient_funds", billing.DoNotHonor: "do_not_honor", billing.GenericDecline: "generic_decline",
		billing.LimitExceeded: "card_velocity_exceeded", billing.IssuerUnavailable: "issuer_not_available",
		billing.ProcessingError: "processing_error", billing.BlockedByProvider: "blocked", billing.CardExpired: "expired_card",
		billing.LostOrStolen: "lost_card", billing.SuspectedFraud: "fraudulent", billing.IncorrectNumber: "invalid_number",
		billing.InvalidExpiry: "invalid_expiry_year", billing.NotPermitted: "restricted_card",
		billing.CurrencyNotSupported: "currency_not_supported", billing.IncorrectCVC: "incorrect_cvc",
		billing.AuthenticationRequired: "authentication_required", billing.DuplicateTransaction: "duplicate_transaction",
		billing.AuthenticationFailed: "payment_intent_authentication_failure", billing.UnknownDecline: "incorrect_zip",
	} {
		tokens[ours] = billing.NewSecret("pm_decline_" + theirs)
	}
	return tokens
}

// reply replies to a page of the fake like a viewer.
func reply(ctx context.Context, page string, approve bool) error {
	choice := map[bool]string{true: "approve", false: "decline"}[approve]
	return submit(ctx, page, url.Values{"reply": {choice}})
}

func submit(ctx context.Context, page string, form url.Values) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("POST %s: status %d", page, resp.StatusCode)
	}
	return nil
}
