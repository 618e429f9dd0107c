package boot

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/simulator"
)

// SimulatorFaults are the faults that the simulator injects, for rehearsals and
// tests, such as "lose_answers=0.3,latency=20ms,seed=7".
type SimulatorFaults struct {
	odds     simulator.Odds
	latency  time.Duration
	holdLost time.Duration
	lag      time.Duration
	horizon  time.Duration
	receipts ReceiptMode
	// receiptDelay is how long receipts are pending.
	receiptDelay time.Duration
}

// UnmarshalText parses pairs of name and value with commas between them. The
// probabilities of the faults of a charge must not exceed 1 in total.
func (m *SimulatorFaults) UnmarshalText(text []byte) error {
	var read SimulatorFaults
	odds := map[string]*float64{
		"lose_answers": &read.odds.LoseResponses, "lose_requests": &read.odds.LoseRequests, "unavailable": &read.odds.Unavailable, "busy": &read.odds.Busy, "credentials": &read.odds.Credentials,
		"unknown_tokens": &read.odds.UnknownTokens,
		"other_amounts":  &read.odds.OtherAmounts, "charge_twice": &read.odds.ChargeTwice,
		"break_answers": &read.odds.TruncateResponses, "nonsense": &read.odds.InvalidResponses, "lose_lookups": &read.odds.LoseLookups,
		"fail_receipts": &read.odds.FailReceipts,
	}
	spans := map[string]*time.Duration{"latency": &read.latency, "hold_lost": &read.holdLost, "lag": &read.lag, "horizon": &read.horizon, "receipt_delay": &read.receiptDelay}
	sum := 0.0
	for word := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(word), "=")
		var err error
		switch {
		case odds[name] != nil:
			var p float64
			if p, err = strconv.ParseFloat(value, 64); math.IsNaN(p) || p < 0 {
				return errInvalid
			}
			*odds[name] = p
			if name != "lose_lookups" && name != "fail_receipts" { // not faults of a charge
				sum += p
			}
			if p > 1 {
				return errInvalid
			}
		case spans[name] != nil:
			*spans[name], err = time.ParseDuration(value)
		case name == "receipts": // not a fault: the simulator needs receipts, with this mode
			err = read.receipts.UnmarshalText([]byte(value))
		case name == "seed":
			read.odds.Seed, err = strconv.ParseUint(value, 10, 64)
		default:
			return errInvalid
		}
		if err != nil {
			return errInvalid
		}
	}
	if sum > 1 || min(read.latency, read.holdLost, read.lag, read.horizon, read.receiptDelay) < 0 {
		return errInvalid
	}
	*m = read
	return nil
}
