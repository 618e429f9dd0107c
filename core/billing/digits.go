package billing

import (
	"fmt"
	"log/slog"
)

// CardNumber is the number on a bank card (the PAN). Like a [Secret] it prints as
// ***; unlike one it can be wiped.
type CardNumber struct{ box }

// CVV is the code on a bank card that only who holds the card can know. It is
// asked for at each payment, goes to the payment system, and is kept nowhere.
type CVV struct{ box }

// box hides digits behind a pointer, for the reason that [Secret] does, and so
// that all copies are wiped at once. It takes two: fmt follows one that leads to a
// slice when the verb is wrong, as %s is for a pointer.
type box struct{ digits **[]byte }

func newBox(digits []byte) box {
	inner := &digits
	return box{&inner}
}

// bytes are the digits themselves; nil when there are none.
func (b box) bytes() []byte {
	if b.digits == nil {
		return nil
	}
	return **b.digits
}

// Reveal returns the digits; none after they were wiped. Only a vault that seals
// them and an adapter that hands them to a payment system have a reason to call it.
func (b box) Reveal() string { return string(b.bytes()) }

// Wipe overwrites the digits, for every copy of this value. What [box.Reveal]
// returned, and what the runtime copied on its own, it cannot reach.
func (b box) Wipe() {
	if b.digits != nil {
		clear(**b.digits)
		**b.digits = nil
	}
}

// IsZero reports whether there is nothing to hide, or nothing any more.
func (b box) IsZero() bool { return len(b.bytes()) == 0 }

// Format prints *** for every verb, %x, %q and %#v among them.
func (b box) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns ***.
func (b box) String() string { return redacted }

// LogValue returns ***.
func (b box) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns ***, for encoding/json and everything like it.
func (b box) MarshalText() ([]byte, error) { return []byte(redacted), nil }
