package admin

import (
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// buffer is a ResponseWriter that holds the whole response until send, so that an
// error page can still replace it.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
	direct func() http.ResponseWriter // sends the header of a download
	sent   bool                       // direct was called
}

// stream implements [streamer].
func (b *buffer) stream() http.ResponseWriter {
	b.sent = true
	return b.direct()
}

func newBuffer() *buffer { return &buffer{header: make(http.Header), status: http.StatusOK} }

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// minGzipSize is the size in bytes from which a response is compressed.
const minGzipSize = 1 << 10

var gzipWriters = sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return z }}

// send writes the response to w, compressed if the client accepts gzip.
func (b *buffer) send(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), b.header)
	h := w.Header()
	compressed := h.Get("Content-Encoding") != ""
	if !compressed && b.body.Len() >= minGzipSize && compressible(h.Get("Content-Type")) {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			b.compress()
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(b.body.Len()))
	w.WriteHeader(b.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.body.Bytes()) // fails only if the client hung up
	}
}

func (b *buffer) compress() {
	plain := append([]byte(nil), b.body.Bytes()...)
	b.body.Reset()
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(&b.body)
	_, _ = z.Write(plain) // a bytes.Buffer never fails
	_ = z.Close()
}

func acceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

func compressible(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.HasPrefix(kind, "text/") || kind == "image/svg+xml"
}
