package httpapi

import (
	"net/http"
	"time"

	"github.com/rs/cors"
)

// preflightAge is how long browsers may reuse the response to a preflight request.
// Chromium caps it at two hours.
const preflightAge = 2 * time.Hour

// allowOrigins lets the pages of CORSOrigins call the API and read its responses.
// Browsers must not add cookies, because the API uses bearer tokens only. The rate
// limit per address comes later, so that pages can read its 429.
func (s *server) allowOrigins(next http.Handler) http.Handler {
	if len(s.CORSOrigins) == 0 { // cors.New would allow all origins
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: s.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"},
		ExposedHeaders: []string{"Allow", "Idempotent-Replayed", "Location", "Retry-After", "WWW-Authenticate", "X-Request-Id"},
		MaxAge:         int(preflightAge.Seconds()),
	}).Handler(next)
}
