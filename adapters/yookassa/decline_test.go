package yookassa_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/core/billing"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}

func TestDeclineCodes_Golden(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(yookassa.DeclineCodes())) {
		code, advice := yookassa.Decline(reason)
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%-30s %-22s %s", reason, code, advice)))
	}
	golden(t, "reasons.golden", b.String())
}

func TestDecline_UnknownReason(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"", "a_new_reason", "INSUFFICIENT_FUNDS"} {
		if code, advice := yookassa.Decline(reason); code != billing.UnknownDecline || advice != billing.NoAdvice {
			t.Errorf("Decline(%q) = %q, %q; want an unknown decline", reason, code, advice)
		}
	}
}

func TestDeclineCodes_AreKnown(t *testing.T) {
	t.Parallel()
	for reason, code := range yookassa.DeclineCodes() {
		if !slices.Contains(billing.DeclineCodes(), code) {
			t.Errorf("%s becomes %q, which is not a decline code", reason, code)
		}
	}
}

// The tables must have every value of the description.
func TestTables_HaveAllValues(t *testing.T) {
	t.Parallel()
	s := needSpec(t)
	reasons := s.Components.Schemas["PaymentCancellationDetails"].Value.Properties["reason"].Value.Enum
	for _, reason := range reasons {
		if _, listed := yookassa.DeclineCodes()[reason.(string)]; !listed {
			t.Errorf("the table of reasons lacks %q", reason)
		}
	}
	var want []billing.Currency
	for _, c := range s.Components.Schemas["CurrencyCode"].Value.Enum {
		want = append(want, billing.Currency(c.(string)))
	}
	got := yookassa.Currencies()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the currencies differ (-description +adapter):\n%s", diff)
	}
	if n := len(reasons); n != 20 {
		t.Errorf("the description has %d reasons, want 20", n)
	}
}

func TestCurrencies_HaveTwoDigits(t *testing.T) {
	t.Parallel()
	for _, c := range yookassa.Currencies() {
		if digits, known := c.Digits(); digits != 2 || !known {
			t.Errorf("%s has %d digits, want 2", c, digits)
		}
	}
}
