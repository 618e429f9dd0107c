package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func charges(n int, amount int64, currency string) []planned {
	list := make([]planned, n)
	for i := range list {
		list[i] = planned{Action: "charge", Reason: "renewal", Amount: &moneyJSON{amount, currency}}
	}
	return list
}

func endings(n int, reason string) []planned {
	list := make([]planned, n)
	for i := range list {
		list[i] = planned{Action: "end", Reason: reason}
	}
	return list
}

func TestForecast_String(t *testing.T) {
	t.Parallel()
	join := func(parts ...[]planned) (all []planned) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	tests := map[string]struct {
		plan []planned
		want string
	}{
		"nothing is due":     {nil, "would charge nothing"},
		"one":                {charges(1, 39900, "RUB"), "would charge 1 subscription, 399.00 RUB"},
		"charges and an end": {join(charges(28, 23000, "RUB"), charges(1, 53000, "RUB"), endings(1, "cancelled")), "would charge 29 subscriptions, 6,970.00 RUB; 1 ends: cancelled"},
		"only ends":          {endings(2, "payment_method_removed"), "would charge nothing; 2 end: payment method removed"},
		"two reasons":        {join(endings(2, "cancelled"), endings(1, "payment_method_removed")), "would charge nothing; 3 end: 2 cancelled, 1 payment method removed"},
		"two currencies":     {join(charges(2, 123456789, "RUB"), charges(1, 1000000, "JPY")), "would charge 3 subscriptions, 1,000,000 JPY, 2,469,135.78 RUB"},
		"no adapter":         {join(charges(1, 100, "EUR"), []planned{{Action: "none", Reason: "no_adapter"}}), "would charge 1 subscription, 1.00 EUR; cannot charge 1 subscription: no adapter for the payment system"},
		"no notice":          {[]planned{{Action: "none", Reason: "no_notice"}}, "would charge nothing; 1 subscription waits for the required notice"},
		"no consent":         {[]planned{{Action: "none", Reason: "no_consent"}, {Action: "none", Reason: "no_consent"}}, "would charge nothing; cannot charge 2 subscriptions: nothing proves that the viewer agreed to the terms"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForecast()
			for _, l := range test.plan {
				f.add(l)
			}
			if got := f.String(); got != test.want {
				t.Errorf("forecast is %q, want %q", got, test.want)
			}
		})
	}
}

func TestForecast_LastLine(t *testing.T) {
	t.Parallel()
	f := newForecast()
	for _, l := range append(charges(2, 39900, "RUB"), append(endings(1, "cancelled"), planned{Action: "none", Reason: "no_notice"})...) {
		f.add(l)
	}
	for want, asJSON := range map[string]bool{
		`{"settled":0,"due":2,"renewed":0,"declined":0,"held":0,"unknown":0,"ended":1,"failed":0,"waiting":1,"would_charge":[{"amount":79800,"currency":"RUB"}]}`: true,
		"would charge 2 subscriptions, 798.00 RUB; 1 ends: cancelled; 1 subscription waits for the required notice":                                               false,
	} {
		var out bytes.Buffer
		if err := (printer{&out, asJSON}).forecast(f); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, strings.TrimSpace(out.String())); diff != "" {
			t.Errorf("last line (-want +got):\n%s", diff)
		}
	}
}
