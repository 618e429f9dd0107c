package yookassa

import (
	"errors"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// currencies are the currencies of the API. All have two digits after the point, at
// YooKassa and in ISO 4217.
func currencies() []billing.Currency {
	return []billing.Currency{"RUB", "EUR", "USD", "KZT", "BYN", "UAH", "UZS", "TRY", "INR", "MDL", "AZN", "AMD"}
}

// amountOf returns the amount of a request. It returns [ports.ErrRefused] if YooKassa
// cannot take it. YooKassa itself checks the limits of each means of payment.
func amountOf(m billing.Money) (amount, error) {
	if m.Amount <= 0 || !slices.Contains(currencies(), m.Currency) {
		return amount{}, ports.ErrRefused
	}
	return amount{Value: m.Decimal(), Currency: string(m.Currency)}, nil
}

// money returns the exact amount. The error does not quote the response.
func (a amount) money() (billing.Money, error) {
	m, err := billing.ParseMoney(a.Value, billing.Currency(a.Currency))
	if err != nil || m.Amount == 0 {
		return billing.Money{}, errors.New("the response has no valid amount")
	}
	return m, nil
}
