package yookassa_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	shopID    = "123456"
	secretKey = "test_SecretKeyOfTheShop"
	returnURL = "https://cinema.example/paid"
	key       = billing.PaymentID("01890000-0000-7000-8000-000000000001")
)

// shop is a fake on a server of its own, and the adapter that calls it.
type shop struct {
	*yookassa.YooKassa
	*fake.Fake
	url string
}

// newShop returns a shop whose clock the adapter shares. The changes apply to the
// configuration of the adapter.
func newShop(t *testing.T, changes ...func(*yookassa.Config)) shop {
	t.Helper()
	f := fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey})
	server := httptest.NewServer(checked(t, f))
	t.Cleanup(server.Close)
	return shop{newAdapter(t, server.URL+"/v3", append([]func(*yookassa.Config){func(c *yookassa.Config) { c.Now = f.Now }}, changes...)...), f, server.URL}
}

// newAdapter returns an adapter for a server. It does not wait between two attempts.
func newAdapter(t *testing.T, baseURL string, changes ...func(*yookassa.Config)) *yookassa.YooKassa {
	t.Helper()
	cfg := newConfig()
	cfg.BaseURL = baseURL
	for _, change := range changes {
		change(&cfg)
	}
	y, err := yookassa.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func newConfig() yookassa.Config {
	return yookassa.Config{
		ShopID: shopID, SecretKey: billing.NewSecret(secretKey), ReturnURL: returnURL, Now: time.Now,
		PerSecond: 10_000, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// serve returns an adapter for a server that always responds with the status and the body.
func serve(t *testing.T, status int, body string) *yookassa.YooKassa {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return newAdapter(t, server.URL+"/v3")
}

// reply replies to the page of a payment like a viewer.
func reply(ctx context.Context, page, choice, card string) error {
	return replyTo(ctx, page, choice, card, returnURL)
}

// replyTo is reply for a page that sends the viewer back to an address.
func replyTo(ctx context.Context, page, choice, card, back string) error {
	form := url.Values{"reply": {choice}, "card": {card}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w, err := http.DefaultTransport.RoundTrip(r) // follows no redirect
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	if w.StatusCode != http.StatusSeeOther || w.Header.Get("Location") != back {
		return fmt.Errorf("POST %s: status %d", page, w.StatusCode)
	}
	return nil
}

func rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// onPage returns the request of a viewer's first payment.
func onPage() ports.ChargeRequest {
	return ports.ChargeRequest{Key: key, Amount: rubles(39900), Initiator: billing.CustomerInitiated, Payer: "01890000-0000-7000-8000-0000000000aa"}
}

// renewal returns the request of a renewal with the token.
func renewal(token string) ports.ChargeRequest {
	r := onPage()
	r.Token, r.Initiator = billing.NewSecret(token), billing.MerchantInitiated
	return r
}
