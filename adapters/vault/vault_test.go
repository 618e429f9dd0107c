package vault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const number = "4242424242424242"

var place = ports.Place{Purpose: ports.PurposeCardNumber, User: "u1", Row: "c1"}

func inMemory(t *testing.T) *Vault {
	t.Helper()
	v, err := InMemory()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func encrypt(t *testing.T, v *Vault) billing.Encrypted {
	t.Helper()
	s, err := v.Encrypt(place, []byte(number))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantRefused checks that Open returns ErrSealBroken and no plaintext.
func wantRefused(t *testing.T, v *Vault, at ports.Place, s billing.Encrypted) {
	t.Helper()
	text, err := v.Decrypt(at, s)
	if !errors.Is(err, ports.ErrNotDecrypted) || text != nil {
		t.Errorf("Open = %d bytes, %v; want ErrSealBroken", len(text), err)
	}
}

func TestSeal_RoundTrip(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := encrypt(t, v)
	if bytes.Contains(s.Ciphertext, []byte("4242")) || s.KeyID != v.PrimaryKeyID() {
		t.Errorf("Seal = %q with key %d, want a ciphertext with key %d", s.Ciphertext, s.KeyID, v.PrimaryKeyID())
	}
	text, err := v.Decrypt(place, s)
	if err != nil || string(text) != number {
		t.Errorf("Open = %q, %v", text, err)
	}
	if second := encrypt(t, v); bytes.Equal(second.Ciphertext, s.Ciphertext) {
		t.Error("the same text was encrypted to the same bytes twice")
	}
	if err := v.Check(); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func TestOpen_RefusesEveryBitFlip(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := encrypt(t, v)
	for bit := range 8 * len(s.Ciphertext) {
		damaged := slices.Clone(s.Ciphertext)
		damaged[bit/8] ^= 1 << (bit % 8)
		wantRefused(t, v, place, billing.Encrypted{Ciphertext: damaged, KeyID: s.KeyID})
		if id, ok := keyID(damaged); ok { // as if the key id of the row had been changed too
			wantRefused(t, v, place, billing.Encrypted{Ciphertext: damaged, KeyID: id})
		}
	}
	for bit := range 32 {
		wantRefused(t, v, place, billing.Encrypted{Ciphertext: s.Ciphertext, KeyID: s.KeyID ^ 1<<bit})
	}
}

func TestOpen_RefusesEveryTruncation(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := encrypt(t, v)
	for n := range s.Ciphertext {
		wantRefused(t, v, place, billing.Encrypted{Ciphertext: s.Ciphertext[:n], KeyID: s.KeyID})
	}
	wantRefused(t, v, place, billing.Encrypted{Ciphertext: append(slices.Clone(s.Ciphertext), 0), KeyID: s.KeyID})
	wantRefused(t, v, place, billing.Encrypted{})
}

func TestOpen_RefusesOtherPlaces(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := encrypt(t, v)
	for name, at := range map[string]ports.Place{
		"another row":           {Purpose: place.Purpose, User: place.User, Row: "c2"},
		"another user":          {Purpose: place.Purpose, User: "u2", Row: place.Row},
		"another purpose":       {Purpose: ports.PurposeToken, User: place.User, Row: place.Row},
		"row and user swapped":  {Purpose: place.Purpose, User: billing.UserID(place.Row), Row: string(place.User)},
		"shifted boundary":      {Purpose: place.Purpose, User: "1", Row: "c1u"},
		"purpose and row mixed": {Purpose: place.Purpose + "1", User: place.User, Row: "c1"},
		"empty place":           {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, v, at, s)
		})
	}
}

func TestOpen_RefusesOtherKeys(t *testing.T) {
	t.Parallel()
	s := encrypt(t, inMemory(t))
	other := inMemory(t)
	wantRefused(t, other, place, s)
	wantRefused(t, other, place, billing.Encrypted{Ciphertext: s.Ciphertext, KeyID: other.PrimaryKeyID()})
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	fingerprint := func(v *Vault, p ports.Purpose, user billing.UserID, text string) billing.Fingerprint {
		list, err := v.Fingerprints(p, user, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	first := fingerprint(v, ports.PurposeCardNumber, "u1", number)
	if fingerprint(v, ports.PurposeCardNumber, "u1", number) != first {
		t.Error("the same number has different fingerprints")
	}
	seen := map[billing.Fingerprint]string{first: "the number"}
	for name, f := range map[string]billing.Fingerprint{
		"another number":  fingerprint(v, ports.PurposeCardNumber, "u1", "4000000000000002"),
		"another user":    fingerprint(v, ports.PurposeCardNumber, "u2", number),
		"another purpose": fingerprint(v, ports.PurposeToken, "u1", number),
		"shifted":         fingerprint(v, ports.PurposeCardNumber, "u14", number[1:]),
		"another vault":   fingerprint(inMemory(t), ports.PurposeCardNumber, "u1", number),
	} {
		if other, taken := seen[f]; taken {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[f] = name
	}
}

func TestOpen_ErrorHidesPlaintext(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	s := encrypt(t, v)
	s.Ciphertext[10] ^= 1
	_, err := v.Decrypt(place, s)
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
		if bytes.Contains([]byte(text), []byte("4242")) {
			t.Errorf("the error shows the number: %s", text)
		}
	}
}
