package billing

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "***"

// Secret is a text that must not be seen: it prints as *** wherever Go prints,
// logs or encodes things.
//
// The text sits behind a pointer because fmt cannot call methods on unexported
// fields of a struct, and would show a plain string there.
type Secret struct{ text *string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Only adapters that store it or hand it to a payment
// system have a reason to call it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is nothing to hide.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares two secrets without telling by its timing where they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Format prints *** for every verb, %x, %q and %#v among them.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns ***.
func (s Secret) String() string { return redacted }

// LogValue returns ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns ***, for encoding/json and everything like it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
