package admin

import (
	"context"
	"net/http"
	"time"
)

// streamer is a response that can be sent while it is written.
type streamer interface {
	// stream sends the header, and returns the writer of the body.
	stream() http.ResponseWriter
}

// stream is the body of a download. It sends what is written at once. The header goes out
// with the first write.
type stream struct {
	w     http.ResponseWriter
	began bool
	out   http.ResponseWriter
}

// chunkTimeout is the time that a client has for each part of a download.
const chunkTimeout = 30 * time.Second

// Write sends a part of the body.
func (s *stream) Write(p []byte) (int, error) {
	if !s.began {
		s.began, s.out = true, s.w
		if b, ok := s.w.(streamer); ok {
			s.out = b.stream()
		}
	}
	_ = http.NewResponseController(s.out).SetWriteDeadline(time.Now().Add(chunkTimeout)) // without it the server's deadline holds
	return s.out.Write(p)
}

// clientKey is the key of the context that ends when the client hangs up.
type clientKey struct{}

// clientContext returns the context of a request without [requestTimeout].
func clientContext(r *http.Request) context.Context {
	ctx, ok := r.Context().Value(clientKey{}).(context.Context)
	if !ok {
		return r.Context()
	}
	return ctx
}
