// Package signature signs notifications and checks their signatures.
//
// A header contains the time and the signature, as "t=1700000000,v1=HEX": the
// HMAC-SHA256 of the time, a dot and the body. The source is Stripe's documentation,
// "Verify webhook signatures manually".
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// maxAge is the longest time between the signature and the arrival of a notification. A
// later one may be a recorded one.
const maxAge = 5 * time.Minute

// Header returns the header of a notification that secret signs at a time.
func Header(secret billing.Secret, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(sign(secret, seconds, body))
}

// Genuine reports whether one of the secrets signed the notification at most five minutes
// before or after its arrival. Its signature is in the header of that canonical name. An
// empty secret signs nothing.
func Genuine(n ports.Notification, header string, secrets ...billing.Secret) bool {
	values := n.Header[header]
	if len(values) != 1 {
		return false
	}
	at, signatures := parse(values[0])
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || n.At.Sub(time.Unix(seconds, 0)).Abs() > maxAge {
		return false
	}
	genuine := false
	for _, secret := range secrets {
		if secret.IsZero() {
			continue
		}
		want := sign(secret, at, n.Body)
		for _, got := range signatures {
			genuine = hmac.Equal(got, want) || genuine
		}
	}
	return genuine
}

// parse returns the time and the signatures of scheme v1 in a header. It ignores other
// schemes.
func parse(header string) (at string, signatures [][]byte) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			at = value
		case "v1":
			if signature, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	return at, signatures
}

func sign(secret billing.Secret, seconds string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
