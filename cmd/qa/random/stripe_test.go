package random

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// stripeShop is an account at Stripe.
type stripeShop struct {
	*stripe.Stripe
	account *fake.Fake
}

func newStripe(d dial, lag time.Duration, notify func(ports.Notification)) (system, error) {
	const key, secret = "sk_test_key_of_the_shop", "whsec_test_secret"
	account := fake.New(fake.Config{
		SecretKey: key, WebhookSecret: secret, Now: time.Now, Lag: lag,
		Notify: func(h http.Header, body []byte) { notify(ports.Notification{Header: h, Body: body}) },
	})
	adapter, err := stripe.New(stripe.Config{
		SecretKey: billing.NewSecret(key), WebhookSecrets: []billing.Secret{billing.NewSecret(secret)},
		BaseURL: "http://localhost", PerSecond: 1e6, Now: time.Now, Dial: d,
	})
	return &stripeShop{adapter, account}, err
}

func (s *stripeShop) code() string       { return stripe.Code }
func (s *stripeShop) fake() http.Handler { return s.account }

// operation returns the operation of a request that writes to a PaymentIntent, or "".
func operation(r *http.Request) string {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && path == "/v1/payment_intents":
		return fake.OpCreate
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/confirm"):
		return fake.OpConfirm
	default:
		return ""
	}
}

func (s *stripeShop) name(r *http.Request) string {
	switch operation(r) {
	case fake.OpCreate:
		return "create"
	case fake.OpConfirm:
		return "confirm"
	}
	what, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	return r.Method + " " + what
}

func (s *stripeShop) faults(r *http.Request, lagging bool) []fault {
	if operation(r) == "" {
		return nil
	}
	all := []fault{
		fault(fake.Fail), fault(fake.FailAfter), fault(fake.FailEarly), fault(fake.Unavailable), fault(fake.Running),
		fault(fake.Locked), fault(fake.Unauthorized),
	}
	if !lagging { // a refusal would be believed, although the key was used
		all = append(all, fault(fake.Quote))
	}
	if operation(r) == fake.OpConfirm {
		all = append(all, fault(fake.Decline), fault(fake.Decline))
	}
	return all
}

func (s *stripeShop) fail(r *http.Request, f fault) {
	switch f {
	case fault(fake.Fail), fault(fake.FailAfter), fault(fake.FailEarly), fault(fake.Unavailable), fault(fake.Running),
		fault(fake.Locked), fault(fake.Unauthorized), fault(fake.Quote), fault(fake.Decline):
		s.account.Next(operation(r), fake.Fault(f))
	}
}

func (s *stripeShop) token(rng *rand.Rand, n int) billing.Secret {
	kind := pick(rng, "pm_ok", "pm_ok", "pm_ok", "pm_3ds", "pm_decline_do_not_honor", "")
	if kind == "" {
		return billing.Secret{} // on a page
	}
	return billing.NewSecret(fmt.Sprintf("%s_%d", kind, n))
}

func (s *stripeShop) reply(page string, approve bool) {
	post(s.account, page, url.Values{"reply": {map[bool]string{true: "approve", false: "decline"}[approve]}})
}

func (s *stripeShop) announce(payment string) { s.account.Announce(payment) }

func (s *stripeShop) taken() map[billing.PaymentID][]billing.Money {
	all := map[billing.PaymentID][]billing.Money{}
	for _, c := range s.account.Taken() {
		id := billing.PaymentID(c.Payment)
		all[id] = append(all[id], billing.Money{Amount: c.Amount, Currency: billing.Currency(strings.ToUpper(c.Currency))})
	}
	return all
}

// post submits a form like a browser. A page that is over refuses it.
func post(h http.Handler, page string, form url.Values) {
	r := httptest.NewRequest(http.MethodPost, page, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(httptest.NewRecorder(), r)
}
