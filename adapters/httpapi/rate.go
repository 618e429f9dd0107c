package httpapi

import (
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate allows Requests per period. All of them may come in one burst; after that
// they are spread evenly. The zero value means no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// Rates holds the rate limits of the API.
type Rates struct {
	PerUser, PerAddress Rate
	// TrustedProxies may set X-Forwarded-For. Other peers' headers are ignored.
	TrustedProxies []netip.Prefix
}

// maxClients bounds the users or addresses that a limiter remembers. Each takes
// about 200 bytes.
const maxClients = 100_000

// limiter limits the request rate of each client. It forgets the clients that
// have been silent longest, so that a client cannot exhaust memory by changing
// addresses. A forgotten client starts with a full allowance.
type limiter struct {
	limit rate.Limit
	burst int
	max   int

	mu sync.Mutex
	// recent holds the clients seen since it was last rotated into older.
	recent, older map[string]*rate.Limiter
}

// newLimiter returns nil if the rate is zero. A nil limiter allows everything.
func newLimiter(r Rate, maxClients int) *limiter {
	if r.Requests == 0 {
		return nil
	}
	perSecond := float64(r.Requests) / r.Per.Seconds()
	return &limiter{limit: rate.Limit(perSecond), burst: r.Requests, max: maxClients, recent: map[string]*rate.Limiter{}}
}

// check returns a 429 with Retry-After if the client is above its limit.
func (l *limiter) check(client string) error {
	if l == nil {
		return nil
	}
	now := time.Now()
	r := l.of(client).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	r.CancelAt(now)
	return &httpError{
		status: http.StatusTooManyRequests, code: "rate_limited", detail: "too many requests; retry after the seconds in Retry-After",
		retryAfter: int(math.Ceil(wait.Seconds())),
	}
}

// of returns the client's limiter, and makes the client a recent one.
func (l *limiter) of(client string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.recent[client]; ok {
		return found
	}
	found, ok := l.older[client]
	if !ok {
		found = rate.NewLimiter(l.limit, l.burst)
	}
	if len(l.recent) >= l.max/2 {
		l.recent, l.older = map[string]*rate.Limiter{}, l.recent
	}
	l.recent[client] = found
	return found
}

// limitAddresses applies the limit per address before any other work.
func (s *server) limitAddresses(next http.Handler) http.Handler {
	if s.addresses == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.addresses.check(s.Rates.client(r)); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}
