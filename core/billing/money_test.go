package billing_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	tests := []struct {
		decimal  string
		currency billing.Currency
		want     int64
	}{
		{"399.00", "RUB", 399_00},
		{"399.0", "RUB", 399_00},
		{"399", "RUB", 399_00},
		{"0.5", "RUB", 50},
		{"0.01", "USD", 1},
		{"0.29", "USD", 29}, // 28.999… in floating point
		{"1.15", "EUR", 1_15},
		{"0", "RUB", 0},
		{"0399.00", "RUB", 399_00},
		{"500", "JPY", 500},
		{"1.234", "KWD", 1_234},
		{"1.2", "KWD", 1_200},
		{"1", "KWD", 1_000},
		{"1000000000.00", "RUB", billing.MaxAmount},
		{"100000000.000", "KWD", billing.MaxAmount},
		{"100000000000", "JPY", billing.MaxAmount},
	}
	for _, tt := range tests {
		t.Run(tt.decimal+" "+string(tt.currency), func(t *testing.T) {
			t.Parallel()
			got, err := billing.ParseMoney(tt.decimal, tt.currency)
			if want := (billing.Money{Amount: tt.want, Currency: tt.currency}); err != nil || got != want {
				t.Errorf("got %#v, %v, want %#v", got, err, want)
			}
		})
	}
}

func TestParseMoney_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, decimal string
		currency      billing.Currency
	}{
		{"empty", "", "RUB"},
		{"only a point", ".", "RUB"},
		{"no whole part", ".50", "RUB"},
		{"no fraction after the point", "399.", "RUB"},
		{"two points", "3.9.9", "RUB"},
		{"a comma", "399,00", "RUB"},
		{"a separator of thousands", "1 000", "RUB"},
		{"an underscore", "1_000", "RUB"},
		{"a minus", "-1", "RUB"},
		{"a plus", "+1", "RUB"},
		{"a minus in the fraction", "1.-5", "RUB"},
		{"an exponent", "1e2", "RUB"},
		{"hexadecimal", "0x10", "RUB"},
		{"infinity", "Inf", "RUB"},
		{"not a number", "NaN", "RUB"},
		{"a leading space", " 399", "RUB"},
		{"a trailing newline", "399\n", "RUB"},
		{"a NUL", "399\x00", "RUB"},
		{"Arabic digits", "٣٩٩", "RUB"},
		{"a letter between digits", "3a9", "RUB"},
		{"more digits than kopecks", "0.001", "RUB"},
		{"more digits than kopecks, all zero", "0.000", "RUB"},
		{"yen with a fraction", "500.0", "JPY"},
		{"more digits than fils", "0.0001", "KWD"},
		{"one kopeck over the maximum", "1000000000.01", "RUB"},
		{"one yen over the maximum", "100000000001", "JPY"},
		{"more than int64", "92233720368547758.08", "RUB"},
		{"far more than int64", "99999999999999999999999999999999", "RUB"},
		{"no currency", "1", ""},
		{"a currency in lower case", "1", "rub"},
		{"an unknown currency", "1", "AAA"},
		{"a testing code", "1", "XTS"},
		{"gold", "1", "XAU"},
		{"two currencies", "1", "RUB USD"},
		{"a substring of the code list", "1", "UB "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := billing.ParseMoney(tt.decimal, tt.currency)
			if !errors.Is(err, billing.ErrInvalid) || !errors.Is(err, billing.Invalid) {
				t.Errorf("got error %v, want ErrInvalid", err)
			}
			if !got.IsZero() {
				t.Errorf("got %v with the error, want zero", got)
			}
		})
	}
}

func TestMoney_String(t *testing.T) {
	t.Parallel()
	tests := []struct {
		money         billing.Money
		text, decimal string
	}{
		{money(399_00, "RUB"), "399.00 RUB", "399.00"},
		{money(5, "RUB"), "0.05 RUB", "0.05"},
		{money(0, "RUB"), "0.00 RUB", "0.00"},
		{money(-1, "RUB"), "-0.01 RUB", "-0.01"},
		{money(-399_05, "RUB"), "-399.05 RUB", "-399.05"},
		{money(500, "JPY"), "500 JPY", "500"},
		{money(-500, "JPY"), "-500 JPY", "-500"},
		{money(1_002, "KWD"), "1.002 KWD", "1.002"},
		{money(billing.MaxAmount, "RUB"), "1000000000.00 RUB", "1000000000.00"},
		{money(math.MaxInt64, "RUB"), "92233720368547758.07 RUB", "92233720368547758.07"},
		{money(math.MinInt64, "RUB"), "-92233720368547758.08 RUB", "-92233720368547758.08"},
		{money(math.MinInt64, "JPY"), "-9223372036854775808 JPY", "-9223372036854775808"},
		{billing.Money{}, "0", "0"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			if got := tt.money.String(); got != tt.text {
				t.Errorf("String = %q, want %q", got, tt.text)
			}
			if got := tt.money.Decimal(); got != tt.decimal {
				t.Errorf("Decimal = %q, want %q", got, tt.decimal)
			}
		})
	}
}

func TestMoney_IsZero(t *testing.T) {
	t.Parallel()
	if !(billing.Money{}).IsZero() {
		t.Error("IsZero of the zero Money is false")
	}
	if money(0, "RUB").IsZero() || money(1, "").IsZero() {
		t.Error("IsZero is true for a currency or an amount alone")
	}
}

func TestParseMoney_RoundTrip(t *testing.T) {
	t.Parallel()
	currencies := []billing.Currency{"RUB", "USD", "EUR", "JPY", "KRW", "KWD", "BHD"}
	rapid.Check(t, func(t *rapid.T) {
		m := money(rapid.Int64Range(0, billing.MaxAmount).Draw(t, "amount"), rapid.SampledFrom(currencies).Draw(t, "currency"))
		if back, err := billing.ParseMoney(m.Decimal(), m.Currency); err != nil || back != m {
			t.Fatalf("%#v has the decimal %q, which parses as %#v, %v", m, m.Decimal(), back, err)
		}
	})
}

func FuzzParseMoney(f *testing.F) {
	for _, decimal := range []string{"399.00", "0.5", "0", "-1", "1e9", "1.", ".1", "00000000000000000000001", "1000000000.00", "٣"} {
		for _, currency := range []string{"RUB", "JPY", "KWD", "rub", ""} {
			f.Add(decimal, currency)
		}
	}
	f.Fuzz(func(t *testing.T, decimal, currency string) {
		m, err := billing.ParseMoney(decimal, billing.Currency(currency))
		if err != nil {
			if !errors.Is(err, billing.ErrInvalid) || !m.IsZero() {
				t.Fatalf("ParseMoney(%q, %q) = %#v, %v", decimal, currency, m, err)
			}
			return
		}
		if m.Amount < 0 || m.Amount > billing.MaxAmount || string(m.Currency) != currency {
			t.Fatalf("ParseMoney(%q, %q) = %#v", decimal, currency, m)
		}
		read, ok := new(big.Rat).SetString(decimal)
		printed, _ := new(big.Rat).SetString(m.Decimal())
		if !ok || read.Cmp(printed) != 0 {
			t.Fatalf("ParseMoney(%q) = %s", decimal, m)
		}
	})
}

func money(amount int64, c billing.Currency) billing.Money {
	return billing.Money{Amount: amount, Currency: c}
}
