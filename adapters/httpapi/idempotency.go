package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// storeTimeout limits storing a response. It does not depend on the client's
// connection.
const storeTimeout = 5 * time.Second

var keyPattern = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// readKey stores the Idempotency-Key of a POST in the request state. It refuses a
// card number, because a program without a keyset stores keys as plaintext.
func readKey(r *http.Request) error {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 || r.Method != http.MethodPost {
		return nil
	}
	message := ""
	switch {
	case len(keys) > 1 || !keyPattern.MatchString(keys[0]):
		message = "must be one key of 1 to 255 visible ASCII characters"
	case billing.HoldsCardNumber(keys[0]):
		message = "must not contain what could be a card number; use a random UUID"
	default:
		stateOf(r.Context()).key = keys[0]
		return nil
	}
	return invalidField("Idempotency-Key", message)
}

// mutation describes a POST. The functions are nil if it changes no subscription.
type mutation struct {
	operation string
	fields    []string // body fields that identify the request; never the CVV
	run       func(*ports.KeyedRequest) (ports.SubscriptionView, error)
	status    func(ports.SubscriptionView) int
	// outcome returns the error that an earlier run must have returned, given the
	// subscription that it left.
	outcome func(ports.SubscriptionView) error
	// ofMethod renders the payment method that an earlier run saves; nil for others.
	ofMethod func(viewers.Method) response
}

// runOnce runs m once per Idempotency-Key: see respondOnce.
func (s *server) runOnce(ctx context.Context, m mutation) response {
	return s.respondOnce(ctx, m, func(request *ports.KeyedRequest) (response, error) {
		v, err := m.run(request)
		return s.render(ctx, m, v, err), err
	})
}

// respondOnce calls respond once per Idempotency-Key and replays the first response to
// repetitions. Without a key it simply calls respond, which also returns the error that
// the response describes. A request for no subscription whose process died before it
// stored the response runs again, so it must make nothing twice. See [viewers.Work] for
// the exception.
func (s *server) respondOnce(ctx context.Context, m mutation, respond func(*ports.KeyedRequest) (response, error)) response {
	if stateOf(ctx).key == "" {
		resp, _ := respond(nil)
		return resp
	}
	r, err := s.newRequest(ctx, m)
	if err != nil {
		return s.problemResponse(ctx, err)
	}
	if resp, ok := s.replay(ctx, m, r); ok {
		return resp
	}
	resp, err := respond(&r)
	if errors.Is(err, billing.ErrRequestInProgress) {
		return s.replayConcurrent(ctx, m, r, err)
	}
	return s.conclude(ctx, r, resp)
}

// newRequest returns the identity of the request. The fingerprint hashes each part
// with its length, so that different requests never hash the same bytes. The fingerprint
// and the stored form of the key are keyed digests: the parts may include a payment
// token or a contact for receipts, and clients put anything into keys.
func (s *server) newRequest(ctx context.Context, m mutation) (r ports.KeyedRequest, err error) {
	state, text := stateOf(ctx), []byte(nil)
	for _, part := range append([]string{m.operation, state.ref}, m.fields...) {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	r = ports.KeyedRequest{User: state.user, Key: state.key, Fingerprint: sha256.Sum256(text), Owner: s.NewID()}
	if s.Digests == nil {
		return r, nil
	}
	keys, err := s.digestsOfKey(state.user, state.key)
	if err != nil {
		return r, err
	}
	r.OtherKeys = append(slices.Clone(keys[1:]), r.Key)
	r.Key = keys[0]
	keyed, err := s.Digests.Fingerprints(ports.PurposeRequest, state.user, text)
	if err != nil {
		return r, err
	}
	unkeyed := r.Fingerprint
	r.Fingerprint, r.OtherFingerprints = keyed[0], [][32]byte{unkeyed}
	for _, f := range keyed[1:] {
		r.OtherFingerprints = append(r.OtherFingerprints, f)
	}
	return r, nil
}

// keyDigestPrefix marks a stored digest of a key. No client can send it, because keys
// have no spaces.
const keyDigestPrefix = "hmac "

// digestsOfKey returns the forms in which a key may be stored, one for each digest key.
// The first one is stored. The previous version stores the key itself, and finds these
// forms too.
func (s *server) digestsOfKey(user billing.UserID, key string) ([]string, error) {
	digests, err := s.Digests.Fingerprints(ports.PurposeRequestKey, user, []byte(key))
	if err != nil {
		return nil, err
	}
	return mapSlice(digests, func(f billing.Fingerprint) string { return keyDigestPrefix + hex.EncodeToString(f[:]) }), nil
}

// replay returns the response to a repetition. It returns false if r is the first
// request with its key. If the first one changed the subscription without storing
// a response, replay renders the response from the subscription.
func (s *server) replay(ctx context.Context, m mutation, r ports.KeyedRequest) (response, bool) {
	stored, work, err := s.Requests.Replay(ctx, r)
	switch {
	case err != nil:
		return s.problemResponse(ctx, err), true
	case stored != nil:
		return replayOf(*stored), true
	case work != nil && work.Method != nil:
		resp := s.store(ctx, work.Claim, m.ofMethod(*work.Method))
		resp.replayed = true
		return resp, true
	case work != nil:
		resp := s.store(ctx, work.Claim, s.render(ctx, m, work.View, m.outcome(work.View)))
		resp.replayed = true
		return resp, true
	default:
		return response{}, false
	}
}

// replayConcurrent responds to a request that lost the race for its key. The
// winner may have stored a response by now; if not, the response is err.
func (s *server) replayConcurrent(ctx context.Context, m mutation, r ports.KeyedRequest, err error) response {
	if resp, ok := s.replay(ctx, m, r); ok {
		return resp
	}
	return s.problemResponse(ctx, err)
}

// conclude stores the response for replay, except 5xx and 429. After a 5xx the
// outcome may be unknown, so a retry looks it up. After a 429 nothing was done, so
// a retry runs again.
func (s *server) conclude(ctx context.Context, r ports.KeyedRequest, resp response) response {
	if resp.status >= http.StatusInternalServerError || resp.status == http.StatusTooManyRequests {
		return resp
	}
	return s.store(ctx, r, resp)
}

// store stores resp unless an earlier response has the key, and returns the stored
// response. If the database is unavailable it returns resp, because the work is
// done; a repetition renders the response from the subscription.
func (s *server) store(ctx context.Context, r ports.KeyedRequest, resp response) response {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	stored, err := s.Requests.Keep(ctx, r, resp.stored())
	var known *billing.Error
	switch {
	case err == nil:
		return response{status: stored.Status, body: stored.Body}
	case errors.As(err, &known) && known.Kind != billing.Unavailable:
		return s.problemResponse(ctx, err)
	default:
		s.Log.WarnContext(ctx, "response sent but not stored for replay", "error", err)
		return resp
	}
}

// render returns the response for the result of a use case.
func (s *server) render(ctx context.Context, m mutation, v ports.SubscriptionView, err error) response {
	if err != nil {
		return s.problemResponse(ctx, err)
	}
	body, err := json.Marshal(subscription(v))
	if err != nil {
		return s.problemResponse(ctx, fmt.Errorf("render subscription: %w", err))
	}
	return response{status: m.status(v), body: body}
}
