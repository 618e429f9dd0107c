// Package statuswriter records the status of HTTP responses.
package statuswriter

import "net/http"

// Writer passes a response on and records its status.
type Writer struct {
	http.ResponseWriter

	status int // 0 until a header is written
}

// New returns a Writer around w.
func New(w http.ResponseWriter) Writer { return Writer{ResponseWriter: w} }

// Status returns the first status of the response, or 200 if none was written.
func (w *Writer) Status() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// WriteHeader implements [http.ResponseWriter].
func (w *Writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap returns the server's writer, for [http.ResponseController].
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
