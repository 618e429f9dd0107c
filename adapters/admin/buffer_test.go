package admin_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestGzip(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	for path, part := range map[string]string{
		"/admin/info/plans": "<!DOCTYPE html>", "/admin/assets/dist/css/all.min.7bcc29700e.css": ".btn", "/admin/assets/panel.css": ".side",
	} {
		plain := anna.do(withHeader(anna.request(http.MethodGet, path, "", ""), "Accept-Encoding", "identity"))
		zipped := anna.do(withHeader(anna.request(http.MethodGet, path, "", ""), "Accept-Encoding", "gzip"))
		if zipped.header.Get("Content-Encoding") != "gzip" || !strings.Contains(zipped.header.Get("Vary"), "Accept-Encoding") || len(zipped.body)*2 > len(plain.body) {
			t.Errorf("%s: compressed to %d of %d bytes, header %v", path, len(zipped.body), len(plain.body), zipped.header)
		}
		z, err := gzip.NewReader(strings.NewReader(zipped.body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || !strings.Contains(string(text), part) || !strings.Contains(plain.body, part) {
			t.Errorf("%s: %v, %.80s", path, err, text)
		}
	}
	etag := anna.get("/admin/assets/panel.css").header.Get("ETag")
	cached := anna.do(withHeader(anna.request(http.MethodGet, "/admin/assets/panel.css", "", ""), "If-None-Match", etag))
	wantStatus(t, "cached file", cached, http.StatusNotModified)
	head := anna.do(anna.request(http.MethodHead, "/admin/info/plans", "", ""))
	if head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: status %d, %d bytes", head.status, len(head.body))
	}
}

func withHeader(r *http.Request, key, value string) *http.Request {
	r.Header.Set(key, value)
	return r
}
