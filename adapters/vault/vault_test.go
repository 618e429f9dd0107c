package vault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

const number = "4242424242424242"

var here = app.Place{Purpose: app.SealedNumber, User: "u1", Row: "c1"}

func inMemory(t *testing.T) *Vault {
	t.Helper()
	v, err := InMemory()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t *testing.T, v *Vault) billing.Encrypted {
	t.Helper()
	s, err := v.Seal(here, []byte(number))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refused expects that nothing comes out, and that the error gives nothing away.
func refused(t *testing.T, v *Vault, at app.Place, s billing.Encrypted) {
	t.Helper()
	text, err := v.Open(at, s)
	if !errors.Is(err, app.ErrSealBroken) || text != nil {
		t.Errorf("Open = %d bytes, %v; want ErrSealBroken", len(text), err)
	}
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := seal(t, v)
	if bytes.Contains(s.Ciphertext, []byte("4242")) || s.KeyID != v.Current() {
		t.Errorf("sealed as %q with key %d, want key %d", s.Ciphertext, s.KeyID, v.Current())
	}
	text, err := v.Open(here, s)
	if err != nil || string(text) != number {
		t.Errorf("Open = %q, %v", text, err)
	}
	if again := seal(t, v); bytes.Equal(again.Ciphertext, s.Ciphertext) {
		t.Error("the same text is sealed to the same bytes")
	}
	if err := v.Check(); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func TestEveryBitFlipIsRefused(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := seal(t, v)
	for bit := range 8 * len(s.Ciphertext) {
		broken := slices.Clone(s.Ciphertext)
		broken[bit/8] ^= 1 << (bit % 8)
		refused(t, v, here, billing.Encrypted{Ciphertext: broken, KeyID: s.KeyID})
		if id, ok := keyID(broken); ok { // as if the row's key had been changed with it
			refused(t, v, here, billing.Encrypted{Ciphertext: broken, KeyID: id})
		}
	}
	for bit := range 32 {
		refused(t, v, here, billing.Encrypted{Ciphertext: s.Ciphertext, KeyID: s.KeyID ^ 1<<bit})
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := seal(t, v)
	for n := range s.Ciphertext {
		refused(t, v, here, billing.Encrypted{Ciphertext: s.Ciphertext[:n], KeyID: s.KeyID})
	}
	refused(t, v, here, billing.Encrypted{Ciphertext: append(slices.Clone(s.Ciphertext), 0), KeyID: s.KeyID})
	refused(t, v, here, billing.Encrypted{})
}

func TestAnotherPlaceIsRefused(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := seal(t, v)
	for name, at := range map[string]app.Place{
		"another row":           {Purpose: here.Purpose, User: here.User, Row: "c2"},
		"another user":          {Purpose: here.Purpose, User: "u2", Row: here.Row},
		"another purpose":       {Purpose: app.SealedToken, User: here.User, Row: here.Row},
		"row and user swapped":  {Purpose: here.Purpose, User: billing.UserID(here.Row), Row: string(here.User)},
		"a shifted boundary":    {Purpose: here.Purpose, User: "1", Row: "c1u"},
		"purpose and row mixed": {Purpose: here.Purpose + "1", User: here.User, Row: "c1"},
		"nowhere":               {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, v, at, s)
		})
	}
}

func TestAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := seal(t, inMemory(t))
	other := inMemory(t)
	refused(t, other, here, s)
	refused(t, other, here, billing.Encrypted{Ciphertext: s.Ciphertext, KeyID: other.Current()})
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	of := func(v *Vault, p app.Purpose, user billing.UserID, text string) billing.Fingerprint {
		f, err := v.Fingerprint(p, user, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := of(v, app.SealedNumber, "u1", number)
	if of(v, app.SealedNumber, "u1", number) != first {
		t.Error("the same number has two fingerprints")
	}
	seen := map[billing.Fingerprint]string{first: "the number"}
	for name, f := range map[string]billing.Fingerprint{
		"another number":  of(v, app.SealedNumber, "u1", "4000000000000002"),
		"another user":    of(v, app.SealedNumber, "u2", number),
		"another purpose": of(v, app.SealedToken, "u1", number),
		"shifted":         of(v, app.SealedNumber, "u14", number[1:]),
		"another vault":   of(inMemory(t), app.SealedNumber, "u1", number),
	} {
		if other, taken := seen[f]; taken {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[f] = name
	}
}

func TestErrorsDoNotShowWhatWasSealed(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := seal(t, v)
	s.Ciphertext[10] ^= 1
	_, err := v.Open(here, s)
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
		if bytes.Contains([]byte(text), []byte("4242")) {
			t.Errorf("the error is %s", text)
		}
	}
}
