package operators

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // authenticator apps support no other hash everywhere; HMAC does not need collision resistance
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// Codes of authenticator apps follow RFC 6238: HMAC-SHA-1, steps of 30 seconds, and
// 6 digits. The codes of one step before and after the current one are valid too, for
// clocks that differ. Each code is valid once, as section 5.2 of the RFC requires.
const (
	totpStep    = 30 * time.Second
	totpSkew    = 1  // steps
	totpKeySize = 20 // bytes, the size of the hash
	totpIssuer  = "Cinema Billing"
)

var keyEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

func newTOTPKey() []byte {
	key := make([]byte, totpKeySize)
	_, _ = rand.Read(key) // never fails
	return key
}

func totpStepAt(t time.Time) int64 { return t.Unix() / int64(totpStep/time.Second) }

// totpCode returns the code of a time step.
func totpCode(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step))) //nolint:gosec // after 1970
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%06d", number%1_000_000)
}

// matchTOTP returns the time step of a code. It reports false if no valid step after
// last has this code. It compares every valid step, so the time reveals none.
func matchTOTP(key []byte, code string, last int64, now time.Time) (matched int64, ok bool) {
	for step := totpStepAt(now) - totpSkew; step <= totpStepAt(now)+totpSkew; step++ {
		equal := subtle.ConstantTimeCompare([]byte(totpCode(key, step)), []byte(code)) == 1
		if equal && step > last {
			matched, ok = step, true
		}
	}
	return matched, ok
}

// totpURI returns the key in the form that authenticator apps scan.
func totpURI(name string, key []byte) string {
	q := url.Values{"secret": {keyEncoding.EncodeToString(key)}, "issuer": {totpIssuer}}
	label := url.PathEscape(totpIssuer + ":" + name)
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

const (
	recoveryCodes  = 10
	recoveryLength = 16 // characters of base32, 80 bits
)

// newRecoveryCodes returns new codes, as the user sees them, and their hashes.
func newRecoveryCodes() (codes []string, hashes []ports.RecoveryHash) {
	for range recoveryCodes {
		code := rand.Text()[:recoveryLength]
		codes = append(codes, grouped(code))
		hashes = append(hashes, sha256.Sum256([]byte(code)))
	}
	return codes, hashes
}

// grouped separates groups of four characters by hyphens.
func grouped(text string) string {
	var groups []string
	for group := range slices.Chunk([]byte(text), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

// matchRecovery returns the index of the hash of a recovery code, or -1.
func matchRecovery(hashes []ports.RecoveryHash, code string) int {
	found, sum := -1, sha256.Sum256([]byte(code))
	for i, h := range hashes {
		if subtle.ConstantTimeCompare(h[:], sum[:]) == 1 {
			found = i
		}
	}
	return found
}

// The kinds of codes, as the audit shows them.
const (
	codeOfApp    = "authenticator app"
	codeRecovery = "recovery code"
)

// spend returns the factor after a code was used, and the kind of the code. It reports
// false if the code is not valid, or was used before. key is the decrypted key of f.
// People type codes with spaces, hyphens and small letters.
func spend(f ports.Factor, key []byte, code string, now time.Time) (_ ports.Factor, kind string, ok bool) {
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if !f.On() || len(key) == 0 {
		return f, "", false
	}
	step, matched := matchTOTP(key, code, f.LastStep, now)
	recovery := matchRecovery(f.Recovery, code)
	switch {
	case matched:
		f.LastStep = step
		return f, codeOfApp, true
	case recovery >= 0:
		f.Recovery = slices.Delete(slices.Clone(f.Recovery), recovery, recovery+1)
		return f, codeRecovery, true
	}
	return f, "", false
}
