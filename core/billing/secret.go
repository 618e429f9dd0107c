package billing

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "***"

// Secret is a text that must stay hidden, such as a payment token. It prints as
// *** wherever Go formats, logs or encodes it.
//
// The text is behind a pointer because fmt cannot call the methods of unexported
// struct fields, and would print a plain string there.
type Secret struct{ text *string }

// NewSecret returns a Secret that hides text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Only adapters that store it or send it to a payment
// system should call it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the text is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal reports whether two secrets have the same text, in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Format prints *** for every verb, including %x, %q and %#v.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns ***.
func (s Secret) String() string { return redacted }

// LogValue returns ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns ***, for encoding/json and other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
