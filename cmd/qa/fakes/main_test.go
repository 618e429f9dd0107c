package main

import (
	"bufio"
	"context"
	"io"
	"regexp"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// The printed variables switch on adapters that the imitations accept.
func TestRun_PrintsWorkingVariables(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-stripe", "127.0.0.1:0", "-yookassa", "127.0.0.1:0"}, w)
	}()
	vars := map[string]string{}
	for lines := bufio.NewScanner(r); lines.Scan() && lines.Text() != "make run"; {
		for _, m := range regexp.MustCompile(`(BILLING_\w+)=(\S+)`).FindAllStringSubmatch(lines.Text(), -1) {
			vars[m[1]] = m[2]
		}
	}
	s, err := stripe.New(stripe.Config{
		SecretKey: billing.NewSecret(vars["BILLING_STRIPE_SECRET_KEY"]), BaseURL: vars["BILLING_STRIPE_API_URL"],
		ReturnURL: "https://cinema.example/", Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	y, err := yookassa.New(yookassa.Config{
		ShopID: vars["BILLING_YOOKASSA_SHOP_ID"], SecretKey: billing.NewSecret(vars["BILLING_YOOKASSA_SECRET_KEY"]),
		BaseURL: vars["BILLING_YOOKASSA_API_URL"], ReturnURL: "https://cinema.example/", Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]ports.Prober{"stripe": s, "yookassa": y} {
		if err := p.Probe(t.Context()); err != nil {
			t.Errorf("%s: %v; the variables are %v", name, err, vars)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v, want no error after the end of its context", err)
	}
}
