package boot

import (
	"slices"
	"strconv"
	"strings"

	"github.com/online-cinema/billing/core/billing"
)

// SupportLimits are limits of the support, such as "give=7d,refund=1000.00 RUB/day".
type SupportLimits struct{ billing.SupportLimits }

// UnmarshalText parses the limits. A limit that is left out is 0: everything needs a second
// person.
func (l *SupportLimits) UnmarshalText(text []byte) error {
	var parsed billing.SupportLimits
	given := false
	for part := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "give" && !given:
			days, err := strconv.ParseUint(strings.TrimSuffix(value, "d"), 10, 16)
			if err != nil || !strings.HasSuffix(value, "d") || days > billing.MaxGrantDays {
				return errInvalid
			}
			given, parsed.GiveDays = true, int(days)
		case name == "refund":
			limit, err := parseDailyLimit(value)
			if err != nil || slices.ContainsFunc(parsed.Refunds, func(m billing.Money) bool { return m.Currency == limit.Currency }) {
				return errInvalid
			}
			parsed.Refunds = append(parsed.Refunds, limit)
		default:
			return errInvalid
		}
	}
	l.SupportLimits = parsed
	return nil
}

// parseDailyLimit parses a limit such as "1000.00 RUB/day".
func parseDailyLimit(text string) (billing.Money, error) {
	perDay, ok := strings.CutSuffix(text, "/day")
	amount, currency, found := strings.Cut(perDay, " ")
	if !ok || !found {
		return billing.Money{}, errInvalid
	}
	return billing.ParseMoney(amount, billing.Currency(currency))
}
