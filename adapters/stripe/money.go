package stripe

import (
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Stripe's minor units differ from ISO 4217 for some currencies
// (docs.stripe.com/currencies). IQD and LYD are not supported there.
const (
	noDigits    = " BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF "
	threeDigits = " BHD JOD KWD OMR TND " // the last digit must be 0
	unsupported = " IQD LYD "
)

// toStripe returns the amount in Stripe's minor units and its currency code, or
// [ports.ErrRefused] if Stripe cannot charge it.
func toStripe(m billing.Money) (amount int64, currency string, err error) {
	iso, known := m.Currency.Digits()
	if !known || m.Amount <= 0 || m.Amount > billing.MaxAmount || isIn(unsupported, m.Currency) {
		return 0, "", ports.ErrRefused
	}
	if isIn(threeDigits, m.Currency) && m.Amount%10 != 0 {
		return 0, "", ports.ErrRefused
	}
	amount, ok := scale(m.Amount, digits(m.Currency)-iso)
	if !ok {
		return 0, "", ports.ErrRefused
	}
	return amount, strings.ToLower(string(m.Currency)), nil
}

// fromStripe returns an amount in Stripe's minor units as Money.
func fromStripe(amount int64, currency string) (billing.Money, error) {
	c := billing.Currency(strings.ToUpper(currency))
	iso, known := c.Digits()
	amount, ok := scale(amount, iso-digits(c))
	if !known || !ok {
		return billing.Money{}, errCurrency
	}
	return billing.Money{Amount: amount, Currency: c}, nil
}

// digits returns the number of digits after the decimal point at Stripe.
func digits(c billing.Currency) int {
	switch {
	case isIn(noDigits, c):
		return 0
	case isIn(threeDigits, c):
		return 3
	default:
		return 2
	}
}

// scale multiplies n by ten to the power of exponent, and reports whether the result is
// whole.
func scale(n int64, exponent int) (int64, bool) {
	for ; exponent > 0; exponent-- {
		n *= 10
	}
	for ; exponent < 0; exponent++ {
		if n%10 != 0 {
			return 0, false
		}
		n /= 10
	}
	return n, true
}

func isIn(list string, c billing.Currency) bool { return strings.Contains(list, " "+string(c)+" ") }
