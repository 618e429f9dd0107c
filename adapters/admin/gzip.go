package admin

import (
	"compress/gzip"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// smallest is a body that is worth compressing.
const smallest = 1 << 10

var zippers = sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return z }}

// send writes the answer, compressed if the client wants it so.
func (b *buffer) send(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), b.header)
	h := w.Header()
	zipped := h.Get("Content-Encoding") != ""
	if !zipped && b.body.Len() >= smallest && compressible(h.Get("Content-Type")) {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			b.compress()
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(b.body.Len()))
	w.WriteHeader(b.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.body.Bytes()) // a client that hung up is no matter of ours
	}
}

func (b *buffer) compress() {
	plain := append([]byte(nil), b.body.Bytes()...)
	b.body.Reset()
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
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
