package random

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// yookassaShop is a shop at YooKassa.
type yookassaShop struct {
	*yookassa.YooKassa
	shop *fake.Fake
}

func newYooKassa(d dial, lag time.Duration, notify func(ports.Notification)) (system, error) {
	const id, key = "123456", "test_SecretKeyOfTheShop"
	shop := fake.New(fake.Config{ShopID: id, SecretKey: key, Notify: func(_ context.Context, body []byte) {
		notify(ports.Notification{Body: body, From: netip.MustParseAddr("185.71.76.1")})
	}})
	shop.SetListLag(lag)
	adapter, err := yookassa.New(yookassa.Config{
		ShopID: id, SecretKey: billing.NewSecret(key), BaseURL: "http://localhost/v3", PerSecond: 1e6, Now: time.Now, Dial: d,
	})
	return &yookassaShop{adapter, shop}, err
}

func (y *yookassaShop) code() string       { return yookassa.Code }
func (y *yookassaShop) fake() http.Handler { return y.shop }

func (y *yookassaShop) name(r *http.Request) string {
	if r.Method == http.MethodPost {
		return "create"
	}
	return "GET payment"
}

func (y *yookassaShop) faults(r *http.Request, _ bool) []fault {
	if r.Method != http.MethodPost {
		return nil
	}
	return []fault{
		fault(fake.InternalError), fault(fake.Processing), fault(fake.Pending), fault(fake.OtherPayment),
		fault(fake.TooManyRequests), fault(fake.Forbidden), fault(fake.Decline), fault(fake.Decline),
	}
}

func (y *yookassaShop) fail(_ *http.Request, f fault) {
	switch fake.Fault(f) {
	case fake.InternalError, fake.Processing, fake.Pending, fake.OtherPayment, fake.TooManyRequests, fake.Forbidden, fake.Decline:
		y.shop.Fail(fake.Fault(f))
	}
}

func (y *yookassaShop) token(*rand.Rand, int) billing.Secret { return billing.Secret{} }

func (y *yookassaShop) reply(page string, approve bool) {
	post(y.shop, page, url.Values{"reply": {map[bool]string{true: "approve", false: "decline"}[approve]}})
}

func (y *yookassaShop) announce(payment string) { y.shop.Announce(context.Background(), payment) }

func (y *yookassaShop) taken() map[billing.PaymentID][]billing.Money {
	all := map[billing.PaymentID][]billing.Money{}
	for _, c := range y.shop.Taken() {
		m, err := billing.ParseMoney(c.Value, billing.Currency(strings.ToUpper(c.Currency)))
		if err != nil {
			panic(err) // the fake checks amounts
		}
		all[billing.PaymentID(c.PaymentID)] = append(all[billing.PaymentID(c.PaymentID)], m)
	}
	return all
}
