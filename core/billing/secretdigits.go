package billing

import (
	"fmt"
	"log/slog"
)

// secretDigits hides digits behind a pointer, for the same reason as [Secret],
// and so that Wipe reaches all copies. It needs two pointers: with a wrong verb,
// such as %s for a pointer, fmt prints the slice behind a single one.
type secretDigits struct{ digits **[]byte }

func hideDigits(digits []byte) secretDigits {
	inner := &digits
	return secretDigits{&inner}
}

// bytes returns the digits without copying them, or nil if they were wiped.
func (s secretDigits) bytes() []byte {
	if s.digits == nil {
		return nil
	}
	return **s.digits
}

// Reveal returns the digits, or "" after Wipe. Only the vault that encrypts them
// and adapters that send them to a payment system should call it.
func (s secretDigits) Reveal() string { return string(s.bytes()) }

// Wipe overwrites the digits of every copy of this value. It does not reach the
// strings that Reveal returned, nor copies that the runtime made.
func (s secretDigits) Wipe() {
	if s.digits != nil {
		clear(**s.digits)
		**s.digits = nil
	}
}

// IsZero reports whether the value has no digits, or was wiped.
func (s secretDigits) IsZero() bool { return len(s.bytes()) == 0 }

// Format prints *** for every verb, including %x, %q and %#v.
func (s secretDigits) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns ***.
func (s secretDigits) String() string { return redacted }

// LogValue returns ***.
func (s secretDigits) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns ***, for encoding/json and other encoders.
func (s secretDigits) MarshalText() ([]byte, error) { return []byte(redacted), nil }
