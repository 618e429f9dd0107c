package statuswriter

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestWriter_Status(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		respond func(http.ResponseWriter)
		want    int
	}{
		"nothing written": {func(http.ResponseWriter) {}, http.StatusOK},
		"body only":       {func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) }, http.StatusOK},
		"header":          {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }, http.StatusTeapot},
		"second header":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot); w.WriteHeader(http.StatusOK) }, http.StatusTeapot},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := httptest.NewRecorder()
			w := New(recorder)
			test.respond(&w)
			if got := w.Status(); got != test.want || recorder.Code != test.want {
				t.Errorf("status %d, sent %d, want %d", got, recorder.Code, test.want)
			}
		})
	}
}

func TestWriter_Flushes(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	w := New(recorder)
	if err := http.NewResponseController(&w).Flush(); err != nil || !recorder.Flushed {
		t.Errorf("Flush = %v, flushed %t; want the server's writer flushed", err, recorder.Flushed)
	}
}
