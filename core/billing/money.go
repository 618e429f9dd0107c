package billing

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in the minor units of its currency, such as kopecks or
// cents. It has no fractions of a minor unit and never uses floating point.
type Money struct {
	Amount   int64
	Currency Currency
}

// Currency is an ISO 4217 code in capitals, such as RUB.
type Currency string

// MaxAmount is the largest price in minor units. It catches typing errors, and
// keeps sums of many payments far below the limit of int64.
const MaxAmount = 1_000_000_000_00

// Active ISO 4217 codes (list one), grouped by the number of digits after the
// decimal point. Funds, metals and testing codes are left out.
const (
	noDigits    = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF "
	twoDigits   = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "
	threeDigits = " BHD IQD JOD KWD LYD OMR TND "
)

// Digits returns the number of digits after the decimal point, and whether ISO
// 4217 lists the currency.
func (c Currency) Digits() (n int, known bool) {
	if len(c) != 3 {
		return 0, false
	}
	for digits, codes := range map[int]string{0: noDigits, 2: twoDigits, 3: threeDigits} {
		if strings.Contains(codes, " "+string(c)+" ") {
			return digits, true
		}
	}
	return 0, false
}

// ParseMoney parses a decimal amount such as "399.00", "399" or "0.5". It returns
// [ErrInvalid] for signs, exponents, separators, more decimal digits than the
// currency has, and amounts above [MaxAmount].
func ParseMoney(decimal string, c Currency) (Money, error) {
	digits, known := c.Digits()
	if !known {
		return Money{}, ErrInvalid.WithMessage("currency %q is not an ISO 4217 code in capitals, such as RUB", string(c))
	}
	whole, fraction, point := strings.Cut(decimal, ".")
	if !onlyDigits(whole) || (point && !onlyDigits(fraction)) {
		return Money{}, ErrInvalid.WithMessage("amount %q is not a decimal number such as 399.00", decimal)
	}
	if len(fraction) > digits {
		return Money{}, ErrInvalid.WithMessage("amount %q has more than the %d decimal digits of %s", decimal, digits, c)
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil || minor > MaxAmount {
		return Money{}, ErrInvalid.WithMessage("amount %q is too large", decimal)
	}
	return Money{Amount: minor, Currency: c}, nil
}

// String returns the amount with its currency, such as "399.00 RUB".
func (m Money) String() string {
	if m.Currency == "" {
		return m.Decimal()
	}
	return m.Decimal() + " " + string(m.Currency)
}

// Decimal returns the amount without its currency, such as "399.00".
func (m Money) Decimal() string {
	sign, amount := "", uint64(m.Amount) //nolint:gosec // a negative amount is negated below
	if m.Amount < 0 {
		sign, amount = "-", -amount
	}
	digits, _ := m.Currency.Digits()
	unit := uint64(math.Pow10(digits))
	if digits == 0 {
		return sign + strconv.FormatUint(amount, 10)
	}
	return fmt.Sprintf("%s%d.%0*d", sign, amount/unit, digits, amount%unit)
}

// IsZero reports whether m has neither an amount nor a currency.
func (m Money) IsZero() bool { return m == Money{} }

func (m Money) check(f *faults, field string) {
	_, known := m.Currency.Digits()
	f.check(known, field+".currency", RuleUnknownCurrency)
	f.check(m.Amount > 0, field+".amount", RuleNotPositive)
	f.check(m.Amount <= MaxAmount, field+".amount", RuleTooLarge)
}
