package billing

import "time"

// KeyLimits says for how long a payment system's answers about an idempotency key can
// be relied on. The zero value is a payment system whose lookups never lag and which
// never forgets a key.
type KeyLimits struct {
	// Settling is how long after the send window an absence proves nothing: a request may
	// still be on its way there, or a lookup may not show the charge yet.
	Settling time.Duration
	// Horizon is how long after its first sending a key is recognized. Later, the same
	// key would be a new charge. 0 means for ever.
	Horizon time.Duration
}

// SendTimes are the times of a payment's sending and of a lookup, on the store's clock.
type SendTimes struct {
	First  time.Time // no process sent it earlier; zero if none has sent it
	Until  time.Time // end of the last send window
	Lookup time.Time // when the lookup began
}

// WindowClosed reports whether the send window was over when the lookup began.
func (t SendTimes) WindowClosed() bool { return !t.Lookup.Before(t.Until) }

// AbsenceFinal reports whether a lookup that found nothing proves that the payment
// system never received the payment.
func (l KeyLimits) AbsenceFinal(t SendTimes) bool { return !t.Lookup.Before(t.Until.Add(l.Settling)) }

// Forgotten reports whether the payment system may have forgotten the key. The payment
// must not be sent again then, and an absence proves nothing: a person must decide.
func (l KeyLimits) Forgotten(t SendTimes) bool {
	return l.Horizon > 0 && !t.First.IsZero() && !t.Lookup.Before(t.First.Add(l.Horizon))
}
