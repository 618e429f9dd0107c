// Command fakes serves imitations of Stripe and YooKassa on this machine, so that the steps
// of their READMEs can be tried without an account:
//
//	go run ./cmd/qa/fakes        # prints the variables that switch both adapters on
//	make run                     # in another terminal, with these variables
//
// A page of an imitation has the buttons Pay and Decline instead of a card form. Its
// notifications go to the API. All objects are lost at its end.
//
// Not here: the imitations themselves (adapters/stripe/fake, adapters/yookassa/fake).
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	stripe "github.com/online-cinema/billing/adapters/stripe/fake"
	yookassa "github.com/online-cinema/billing/adapters/yookassa/fake"
)

// The credentials are no secrets.
const (
	stripeKey     = "sk_test_fake"
	webhookSecret = "whsec_fake"
	shopID        = "100500"
	shopKey       = "test_fake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fakes:", err)
		os.Exit(1)
	}
}

// run serves the imitations until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fakes", flag.ContinueOnError)
	api := flags.String("api", "http://127.0.0.1:8080", "base address of billing-api, for notifications")
	stripeAddr := flags.String("stripe", "127.0.0.1:8091", "listener of the imitation of Stripe")
	yookassaAddr := flags.String("yookassa", "127.0.0.1:8092", "listener of the imitation of YooKassa")
	if err := flags.Parse(args); err != nil {
		return err
	}
	notify := func(system string, header http.Header, body []byte) {
		go post(ctx, *api+"/v1/notifications/"+system, header, body)
	}
	served := make(chan error, 2)
	serve := func(address string, h http.Handler) (url string, err error) {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return "", err
		}
		s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		context.AfterFunc(ctx, func() { _ = s.Close() })
		go func() { served <- s.Serve(l) }()
		return "http://" + l.Addr().String(), nil
	}
	stripeURL, err := serve(*stripeAddr, stripe.New(stripe.Config{
		SecretKey: stripeKey, WebhookSecret: webhookSecret, Now: time.Now,
		Notify: func(header http.Header, body []byte) { notify("stripe", header, body) },
	}))
	if err != nil {
		return err
	}
	yookassaURL, err := serve(*yookassaAddr, yookassa.New(yookassa.Config{
		ShopID: shopID, SecretKey: shopKey,
		Notify: func(_ context.Context, body []byte) { notify("yookassa", http.Header{}, body) },
	}))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, exports, stripeKey, webhookSecret, stripeURL, shopID, shopKey, yookassaURL+"/v3")
	err = <-served
	if ctx.Err() != nil {
		return nil // stopped on request
	}
	return err
}

const exports = `Stripe and YooKassa are imitated until Ctrl-C. In another terminal:

export BILLING_STRIPE_SECRET_KEY=%s BILLING_STRIPE_WEBHOOK_SECRET=%s
export BILLING_STRIPE_API_URL=%s
export BILLING_YOOKASSA_SHOP_ID=%s BILLING_YOOKASSA_SECRET_KEY=%s
export BILLING_YOOKASSA_API_URL=%s BILLING_YOOKASSA_NOTIFICATION_NETS=127.0.0.1/32
make run
`

// post sends a notification. Without it, a lookup finds the change later.
func post(ctx context.Context, url string, header http.Header, body []byte) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header = header.Clone()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		_ = resp.Body.Close()
	}
}
