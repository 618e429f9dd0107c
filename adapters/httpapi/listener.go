package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// Listener wraps l so that bytes that are not HTTP get a problem document with a
// request id. net/http responds to such bytes in plain text before any handler
// runs.
//
// An unknown transfer coding or HTTP version gets 400, because it is the client's
// error. net/http would send 501 or 505.
//
// Under TLS the responses of net/http stay as they are, because the connection
// carries only ciphertext.
func Listener(l net.Listener, newID func() string, log *slog.Logger) net.Listener {
	return listener{l, newID, log}
}

type listener struct {
	net.Listener

	newID func() string
	log   *slog.Logger
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{tcp, l}, err
	}
	return c, err
}

type conn struct {
	*net.TCPConn

	l listener
}

// Write writes b. If b is a response that net/http itself makes to an unreadable
// request, Write replaces it.
func (c *conn) Write(b []byte) (int, error) {
	refusal := parseRefusal(b)
	if refusal == nil {
		return c.TCPConn.Write(b)
	}
	id := c.l.newID()
	c.l.log.Info("unreadable request", "request_id", id, "status", refusal.status, "cause", refusal.detail)
	if _, err := c.TCPConn.Write(rawResponse(refusal, id)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// A response that net/http itself makes has a status line and exactly these
// headers. Responses of the API have other headers in front of them.
const (
	statusLine     = "HTTP/1.1 "
	refusalHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
)

// parseRefusal returns the error to send instead of b, or nil if net/http did not
// make b itself. The reasons of net/http never quote the request.
func parseRefusal(b []byte) *httpError {
	if !bytes.HasPrefix(b, []byte(statusLine)) {
		return nil
	}
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	if !bytes.HasPrefix(b[len(line):], []byte(refusalHeaders)) {
		return nil
	}
	if bytes.HasPrefix(line, []byte(statusLine+"431")) {
		return newHTTPError(http.StatusRequestHeaderFieldsTooLarge, "headers_too_large", "the request line and the headers are longer than 16 KiB")
	}
	detail := "this is not an HTTP/1.1 request"
	if _, reason, found := strings.Cut(string(b[len(line)+len(refusalHeaders):]), ": "); found {
		detail += ": " + reason
	}
	return newHTTPError(http.StatusBadRequest, "malformed_request", detail)
}

// rawResponse returns the problem document for err as a complete HTTP response.
func rawResponse(err *httpError, requestID string) []byte {
	body, marshalErr := json.Marshal(problemOf(err, requestID))
	if marshalErr != nil { // cannot happen: a struct of strings and numbers
		panic(marshalErr)
	}
	h := http.Header{"X-Request-Id": {requestID}}
	setSecurityHeaders(h, false)
	response{status: err.status, body: body}.setHeaders(h)
	var b bytes.Buffer
	_ = (&http.Response{ // writing to memory cannot fail
		StatusCode: err.status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Close: true,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}).Write(&b)
	return b.Bytes()
}
