package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// keepTimeout is how long keeping an answer may take after the client has gone
// away.
const keepTimeout = 5 * time.Second

var keyShape = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// noteKey notes the request's Idempotency-Key. What changes nothing needs none.
func noteKey(r *http.Request) error {
	keys := r.Header.Values("Idempotency-Key")
	switch {
	case len(keys) == 0 || r.Method != http.MethodPost:
		return nil
	case len(keys) > 1 || !keyShape.MatchString(keys[0]) || billing.LooksLikeCardNumber(keys[0]): // keys are stored
		return &billing.InvalidError{Faults: []billing.Fault{
			{Field: "Idempotency-Key", Message: "must be one, of 1 to 255 visible ASCII characters"},
		}}
	}
	infoOf(r.Context()).key = keys[0]
	return nil
}

// change is a request that changes something: what makes it the same as
// another, what it does, and what is answered.
type change struct {
	operation string
	fields    []string // those of the body that matter; never a card's CVV
	run       func(*ports.KeyedRequest) (ports.SubscriptionView, error)
	status    func(ports.SubscriptionView) int
	outcome   func(ports.SubscriptionView) error // what an earlier run came to
}

// once does what c asks for, once for each Idempotency-Key, and gives its
// repetitions the first answer.
func (s *server) once(ctx context.Context, c change) answer {
	if infoOf(ctx).key == "" {
		v, err := c.run(nil)
		return s.render(ctx, c, v, err)
	}
	r := s.request(ctx, c)
	if a, ok := s.replay(ctx, c, r); ok {
		return a
	}
	v, err := c.run(&r)
	if errors.Is(err, billing.ErrRequestInProgress) {
		return s.afterOther(ctx, c, r, err)
	}
	return s.conclude(ctx, r, s.render(ctx, c, v, err))
}

// request tells this request from others. Every part goes in with its length,
// so that no two requests run together to the same bytes.
func (s *server) request(ctx context.Context, c change) ports.KeyedRequest {
	i, h := infoOf(ctx), sha256.New()
	for _, part := range append([]string{c.operation, i.ref}, c.fields...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return ports.KeyedRequest{User: i.user, Key: i.key, Fingerprint: [32]byte(h.Sum(nil)), Owner: s.NewID()}
}

// replay answers a repetition. False says that r is the first.
func (s *server) replay(ctx context.Context, c change, r ports.KeyedRequest) (answer, bool) {
	kept, work, err := s.Requests.Replay(ctx, r)
	switch {
	case err != nil:
		return s.problemAnswer(ctx, err), true
	case kept != nil:
		return again(*kept), true
	case work != nil:
		a := s.keep(ctx, work.Claim, s.render(ctx, c, work.View, c.outcome(work.View)))
		a.replayed = true
		return a, true
	default:
		return answer{}, false
	}
}

// afterOther answers a request that another with the same key outran: by now
// there may be an answer.
func (s *server) afterOther(ctx context.Context, c change, r ports.KeyedRequest, err error) answer {
	if a, ok := s.replay(ctx, c, r); ok {
		return a
	}
	return s.problemAnswer(ctx, err)
}

// conclude keeps the answer, unless it is that something is out of reach: then
// nobody may know what was done, and a repetition finds out. What came to nothing
// is tried anew, what was done is answered for, what is being settled is waited for.
// What was too much is tried anew as well: it came to nothing.
func (s *server) conclude(ctx context.Context, r ports.KeyedRequest, a answer) answer {
	if a.status >= http.StatusInternalServerError || a.status == http.StatusTooManyRequests {
		return a
	}
	return s.keep(ctx, r, a)
}

// keep keeps a and returns the answer to give: the one that was kept first. When
// it cannot be kept, the truth is still better than an error: a repetition gets
// it made anew from the work that was done.
func (s *server) keep(ctx context.Context, r ports.KeyedRequest, a answer) answer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	kept, err := s.Requests.Keep(ctx, r, a.kept())
	var known *billing.Error
	switch {
	case err == nil:
		return answer{status: kept.Status, body: kept.Body}
	case errors.As(err, &known) && known.Kind != billing.Unavailable:
		return s.problemAnswer(ctx, err)
	default:
		s.Log.WarnContext(ctx, "an answer was given but not kept", "error", err)
		return a
	}
}

// render makes the answer of what the use case returned.
func (s *server) render(ctx context.Context, c change, v ports.SubscriptionView, err error) answer {
	if err != nil {
		return s.problemAnswer(ctx, err)
	}
	body, err := json.Marshal(subscription(v))
	if err != nil {
		return s.problemAnswer(ctx, fmt.Errorf("render subscription: %w", err))
	}
	return answer{status: c.status(v), body: body}
}
