package billing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// WebhookSecret is a key that signs webhooks, in the form of Standard Webhooks: whsec_ and
// the bytes in base64. It hides its text as [Secret] does.
type WebhookSecret struct{ Secret }

const (
	webhookSecretPrefix = "whsec_"
	// Bytes of a secret, by Standard Webhooks.
	minWebhookSecret, maxWebhookSecret = 24, 64
)

// WebhookSecretOverlap is how long the replaced secret of an endpoint still signs, so that
// the receiver can change its configuration meanwhile.
const WebhookSecretOverlap = 24 * time.Hour

// EventTest is the type of the event that tests an endpoint. It is sent as a webhook only, and
// is never recorded.
const EventTest EventType = "test"

var errWebhookSecret = errors.New("a webhook secret must be whsec_ and 24 to 64 bytes in base64")

// NewWebhookSecret returns the secret with these random bytes, which must be 24 to 64.
func NewWebhookSecret(random []byte) (WebhookSecret, error) {
	return ParseWebhookSecret(webhookSecretPrefix + base64.StdEncoding.EncodeToString(random))
}

// ParseWebhookSecret returns the secret with this text. Its error does not contain the text.
func ParseWebhookSecret(text string) (WebhookSecret, error) {
	s := WebhookSecret{NewSecret(text)}
	if n := len(s.key()); n < minWebhookSecret || n > maxWebhookSecret {
		return WebhookSecret{}, errWebhookSecret
	}
	return s, nil
}

// key returns the bytes of the secret, or nil for a text that is not a secret.
func (s WebhookSecret) key() []byte {
	encoded, ok := strings.CutPrefix(s.Reveal(), webhookSecretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return nil
	}
	return key
}

// SignWebhook returns the header webhook-signature of a webhook with this id, time of
// sending and body: a signature for each secret. Receivers accept any of them. The method
// is v1 of Standard Webhooks: HMAC-SHA256 of id, Unix time in seconds and body, joined by
// dots.
func SignWebhook(id string, at time.Time, body []byte, secrets ...WebhookSecret) string {
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		mac := hmac.New(sha256.New, s.key())
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}

// WebhookFailure is the reason why a webhook got no response.
type WebhookFailure string

// The failures of a webhook without a response.
const (
	WebhookForbiddenAddress WebhookFailure = "forbidden_address" // the host has an address that is not allowed
	WebhookUnknownHost      WebhookFailure = "unknown_host"      // the name cannot be resolved
	WebhookNotConnected     WebhookFailure = "refused"           // the connection failed
	WebhookTimeout          WebhookFailure = "timeout"
	WebhookTLS              WebhookFailure = "tls"        // the certificate or the handshake
	WebhookNoResponse       WebhookFailure = "connection" // the connection ended before the response
	WebhookNoSecret         WebhookFailure = "no_secret"  // no secret can be decrypted, so nothing was sent
	WebhookUnrendered       WebhookFailure = "body"       // the body could not be made, so nothing was sent
)

// WebhookResponse is the reaction of a receiver to a webhook, without the body.
type WebhookResponse struct {
	Status     int            // HTTP status; 0 for none
	Failure    WebhookFailure // if there is no status
	RetryAfter time.Duration  // time that the receiver asked for; 0 for none
}

// String returns the status or the failure.
func (r WebhookResponse) String() string {
	if r.Status == 0 {
		return string(r.Failure)
	}
	return strconv.Itoa(r.Status)
}

// WebhookResult is the meaning of a response.
type WebhookResult string

// The meanings of a response.
const (
	WebhookDelivered WebhookResult = "delivered"
	WebhookFailed    WebhookResult = "failed" // this event failed; others may be delivered
	WebhookDown      WebhookResult = "down"   // the endpoint cannot take any event now
	WebhookGone      WebhookResult = "gone"   // the receiver wants no more webhooks
)

// Result returns the meaning of the response, by Standard Webhooks: only 2xx is a success,
// so a redirect is none. 410 stops the endpoint. 429, 502, 503, 504, a response with
// Retry-After, and no response mean that the endpoint is down.
func (r WebhookResponse) Result() WebhookResult {
	switch {
	case r.Status >= 200 && r.Status < 300:
		return WebhookDelivered
	case r.Status == 410:
		return WebhookGone
	case r.Status == 0, r.Status == 429, r.Status >= 502 && r.Status <= 504, r.RetryAfter > 0:
		return WebhookDown
	default:
		return WebhookFailed
	}
}

// webhookDelays are the times between the tries of a webhook. The last one repeats for
// ever, because no event is dropped.
var webhookDelays = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// WebhookDelay returns the time until the next try, after this many failed tries in a row.
// jitter is a random number from 0 to 1, which adds up to a tenth, so that the tries of
// many events do not coincide.
func WebhookDelay(tries int, jitter float64) time.Duration {
	delay := webhookDelays[min(max(tries, 1), len(webhookDelays))-1]
	return delay + time.Duration(jitter*float64(delay)/10)
}
