package billing

import (
	"encoding/binary"
	"strconv"
)

// ConsentMAC proves that a viewer agreed to the terms of a subscription. It is the
// message authentication code of [Subscription.ConsentText], with a key that is not in
// the database. It is empty if the subscription was stored without a key.
type ConsentMAC string

// consentVersion is the version of the format of ConsentText.
const consentVersion = "1"

// ConsentText returns the terms that the viewer agreed to by subscribing, except for the
// viewer's and the subscription's own ids: the plan, the price, the interval, and the
// method to pay with. Different terms never have the same text.
func (s Subscription) ConsentText() []byte {
	var text []byte
	for _, part := range []string{
		consentVersion, string(s.PlanID), strconv.FormatInt(s.Price.Amount, 10), string(s.Price.Currency),
		strconv.Itoa(s.IntervalMonths), string(s.MethodID), s.PaymentSystem,
	} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return text
}
