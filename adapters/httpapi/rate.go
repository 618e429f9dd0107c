package httpapi

import (
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is so many requests in so much time: that many may come at once, and
// then they are spread evenly. No requests is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// Rates says how often the API may be asked.
type Rates struct {
	PerUser, PerAddress Rate
	// TrustedProxies are believed what X-Forwarded-For says.
	TrustedProxies []netip.Prefix
}

// remembered is how many users or addresses a limiter remembers. One takes
// about 200 bytes.
const remembered = 100_000

// limiter counts requests by who sends them. It forgets those that have not
// asked for the longest while, so that nobody makes it grow by changing
// addresses; whom it has forgotten starts anew.
type limiter struct {
	limit rate.Limit
	burst int
	most  int

	mu sync.Mutex
	// The young are those seen since the old were the young.
	young, old map[string]*rate.Limiter
}

// newLimiter returns nil when there is no limit.
func newLimiter(r Rate, most int) *limiter {
	if r.Requests == 0 {
		return nil
	}
	perSecond := float64(r.Requests) / r.Per.Seconds()
	return &limiter{limit: rate.Limit(perSecond), burst: r.Requests, most: most, young: map[string]*rate.Limiter{}}
}

// check returns an error that says when to come again, if not now.
func (l *limiter) check(who string) error {
	if l == nil {
		return nil
	}
	now := time.Now()
	r := l.of(who).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	r.CancelAt(now)
	return &failure{
		status: http.StatusTooManyRequests, code: "rate_limited", detail: "too many requests; come again later",
		retryAfter: int(math.Ceil(wait.Seconds())),
	}
}

func (l *limiter) of(who string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one, ok := l.young[who]; ok {
		return one
	}
	one, ok := l.old[who]
	if !ok {
		one = rate.NewLimiter(l.limit, l.burst)
	}
	if len(l.young) >= l.most/2 {
		l.young, l.old = map[string]*rate.Limiter{}, l.young
	}
	l.young[who] = one
	return one
}

// limitAddresses refuses addresses that ask too often, before anything is done
// for them.
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
