package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"path/filepath"
	"testing"
	"time"
)

// hashes returns n different token hashes.
func hashes(n int) (all []tokenHash) {
	for i := range n {
		all = append(all, sha256.Sum256([]byte{byte(i)}))
	}
	return all
}

func TestCache_EvictsLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	c, h := newCache(3), hashes(4)
	for _, hash := range h[:3] {
		c.put(hash, verified{})
	}
	c.get(h[0])
	c.put(h[3], verified{})
	for i, want := range []bool{true, false, true, true} {
		if _, got := c.get(h[i]); got != want {
			t.Errorf("token %d is cached: %t, want %t", i, got, want)
		}
	}
	c.put(h[3], verified{kid: "replaced"})
	if c.len() != 3 || len(c.tokens) != 3 {
		t.Errorf("the list has %d entries and the map %d, want 3", c.len(), len(c.tokens))
	}
	c.drop(h[3])
	c.drop(h[1]) // evicted before: no effect
	if _, got := c.get(h[3]); got || c.len() != 2 || len(c.tokens) != 2 {
		t.Errorf("after drop: %d entries, want 2; the dropped token is cached: %t", c.len(), got)
	}
}

// tokenMaker returns a Verifier, the key that it trusts, and a function that signs
// tokens with that key.
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

func TestVerify_ReusesVerifiedSignature(t *testing.T) {
	t.Parallel()
	v, key, token := tokenMaker(t, time.Now)
	good := token("viewer", time.Hour)
	if _, err := v.Verify(t.Context(), good); err != nil || v.cache.len() != 1 {
		t.Fatalf("%d tokens are cached, want 1; Verify: %v", v.cache.len(), err)
	}
	// A wrong signature makes cache hits visible. The forged token must be accepted if
	// the cache has it with the key in use, and refused if with another key.
	forged := good[:len(good)-40] + "AAAA" + good[len(good)-36:]
	hash := sha256.Sum256([]byte(forged))
	cached, _ := v.cache.get(sha256.Sum256([]byte(good)))
	v.cache.put(hash, cached)
	if _, err := v.Verify(t.Context(), forged); err != nil {
		t.Errorf("the signature of a cached token was verified again: %v", err)
	}
	other, err := rsa.GenerateKey(rand.Reader, minKeyBits)
	if err != nil {
		t.Fatal(err)
	}
	for name, signer := range map[string]*rsa.PublicKey{"another key": &other.PublicKey, "a copy of the key": {N: key.N, E: key.E}} {
		cached.key = signer
		v.cache.put(hash, cached)
		_, err := v.Verify(t.Context(), forged)
		if same := signer != &other.PublicKey; (err == nil) != same {
			t.Errorf("cached with %s: %v", name, err)
		} else if _, kept := v.cache.get(hash); kept != same {
			t.Errorf("cached with %s: still cached: %t, want %t", name, kept, same)
		}
	}
}

func TestVerify_DoesNotCacheRefusedTokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	v, _, token := tokenMaker(t, func() time.Time { return now })
	good := token("viewer", time.Minute)
	for name, bad := range map[string]string{
		"forged":  good[:len(good)-40] + "AAAA" + good[len(good)-36:],
		"expired": token("viewer", -time.Minute),
		"empty":   "",
	} {
		if _, err := v.Verify(t.Context(), bad); err == nil || v.cache.len() != 0 {
			t.Errorf("%s: %d tokens are cached, want 0; Verify: %v", name, v.cache.len(), err)
		}
	}
	if _, err := v.Verify(t.Context(), good); err != nil || v.cache.len() != 1 {
		t.Fatalf("%d tokens are cached, want 1; Verify: %v", v.cache.len(), err)
	}
	now = now.Add(time.Minute)
	if _, err := v.Verify(t.Context(), good); err == nil || v.cache.len() != 0 {
		t.Errorf("after expiry: %d tokens are cached, want 0; Verify: %v", v.cache.len(), err)
	}
}
