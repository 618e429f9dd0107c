package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"path/filepath"
	"testing"
	"time"
)

// sums are different ones.
func sums(n int) (all []tokenSum) {
	for i := range n {
		all = append(all, sha256.Sum256([]byte{byte(i)}))
	}
	return all
}

func TestACacheForgetsWhatWasNotSeenForTheLongest(t *testing.T) {
	t.Parallel()
	c, s := newCache(3), sums(4)
	for _, sum := range s[:3] {
		c.put(sum, verified{})
	}
	c.get(s[0])
	c.put(s[3], verified{})
	for i, want := range []bool{true, false, true, true} {
		if _, got := c.get(s[i]); got != want {
			t.Errorf("token %d is remembered: %t, want %t", i, got, want)
		}
	}
	c.put(s[3], verified{kid: "again"})
	if c.len() != 3 || len(c.tokens) != 3 {
		t.Errorf("%d and %d are remembered, want 3", c.len(), len(c.tokens))
	}
	c.drop(s[3])
	c.drop(s[1]) // which is not there
	if _, got := c.get(s[3]); got || c.len() != 2 || len(c.tokens) != 2 {
		t.Errorf("after one was dropped %d are remembered, the dropped one: %t", c.len(), got)
	}
}

// tokenMaker makes tokens, and a Verifier that takes them.
func tokenMaker(t *testing.T, now func() time.Time) (*Verifier, *rsa.PrivateKey, func(subject string, life time.Duration) string) {
	t.Helper()
	dir := t.TempDir()
	if _, _, err := NewKeyPair(dir); err != nil {
		t.Fatal(err)
	}
	key, err := LoadPrivateKey(filepath.Join(dir, "private.pem"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(t.Context(), Config{PublicKeyFile: filepath.Join(dir, "public.pem"), Issuer: "i", Audience: "a", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return v, key, func(subject string, life time.Duration) string {
		token, err := Sign(key, "", SignClaims{
			Subject: subject, Issuer: "i", Audience: "a", IssuedAt: now(), ExpiresAt: now().Add(life),
		})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
}

func TestASignatureIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	v, key, token := tokenMaker(t, time.Now)
	good := token("viewer", time.Hour)
	if _, err := v.Verify(t.Context(), good); err != nil || v.cache.len() != 1 {
		t.Fatalf("%d tokens are remembered; %v", v.cache.len(), err)
	}
	// A signature that is wrong passes if it is believed to have been verified
	// with the key in use, and with no other.
	forged := good[:len(good)-40] + "AAAA" + good[len(good)-36:]
	sum := sha256.Sum256([]byte(forged))
	known, _ := v.cache.get(sha256.Sum256([]byte(good)))
	v.cache.put(sum, known)
	if _, err := v.Verify(t.Context(), forged); err != nil {
		t.Errorf("a remembered token is verified again: %v", err)
	}
	other, err := rsa.GenerateKey(rand.Reader, minKeyBits)
	if err != nil {
		t.Fatal(err)
	}
	for name, signer := range map[string]*rsa.PublicKey{"another key": &other.PublicKey, "the same key as another value": {N: key.N, E: key.E}} {
		known.key = signer
		v.cache.put(sum, known)
		_, err := v.Verify(t.Context(), forged)
		if same := signer != &other.PublicKey; (err == nil) != same {
			t.Errorf("verified with %s: %v", name, err)
		} else if _, kept := v.cache.get(sum); kept != same {
			t.Errorf("verified with %s: remembered afterwards: %t", name, kept)
		}
	}
}

func TestBadTokensAreNotRemembered(t *testing.T) {
	t.Parallel()
	now := time.Now()
	v, _, token := tokenMaker(t, func() time.Time { return now })
	good := token("viewer", time.Minute)
	for name, bad := range map[string]string{
		"forged":  good[:len(good)-40] + "AAAA" + good[len(good)-36:],
		"expired": token("viewer", -time.Minute),
		"none":    "",
	} {
		if _, err := v.Verify(t.Context(), bad); err == nil || v.cache.len() != 0 {
			t.Errorf("%s: %d are remembered; %v", name, v.cache.len(), err)
		}
	}
	if _, err := v.Verify(t.Context(), good); err != nil || v.cache.len() != 1 {
		t.Fatalf("%d are remembered; %v", v.cache.len(), err)
	}
	now = now.Add(time.Minute)
	if _, err := v.Verify(t.Context(), good); err == nil || v.cache.len() != 0 {
		t.Errorf("expired meanwhile: %d are remembered; %v", v.cache.len(), err)
	}
}
