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

// Listener returns l with connections on which bytes that are no request are
// answered as everything else is: with a problem and an id. net/http answers
// them by itself, before any handler, in plain text.
//
// A transfer coding and a version that nobody knows are the client's mistake
// here: 400 and not 501 or 505, which would look like a fault of ours.
//
// TLS hides what passes through: under it, net/http's own answers stay.
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

// Write writes b, or what stands for it.
func (c *conn) Write(b []byte) (int, error) {
	err := unreadable(b)
	if err == nil {
		return c.TCPConn.Write(b)
	}
	id := c.l.newID()
	c.l.log.Info("unreadable request", "request_id", id, "status", err.status, "cause", err.detail)
	if _, err := c.TCPConn.Write(render(err, id)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// An answer that net/http gives by itself begins with its line, and goes on with
// these headers. One of ours has others in front of them.
const (
	itsLine  = "HTTP/1.1 "
	byItself = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
)

// unreadable returns what to say instead of b, if that is an answer of
// net/http's own. Its reasons quote nothing of the request.
func unreadable(b []byte) *failure {
	if !bytes.HasPrefix(b, []byte(itsLine)) {
		return nil
	}
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	if !bytes.HasPrefix(b[len(line):], []byte(byItself)) {
		return nil
	}
	if bytes.HasPrefix(line, []byte(itsLine+"431")) {
		return fails(http.StatusRequestHeaderFieldsTooLarge, "headers_too_large", "the request line and the headers are longer than 16 KiB")
	}
	detail := "this is no request of HTTP/1.1"
	if _, reason, found := strings.Cut(string(b[len(line)+len(byItself):]), ": "); found {
		detail += ": " + reason
	}
	return fails(http.StatusBadRequest, "malformed_request", detail)
}

// render is the whole answer, as it goes over the wire.
func render(err *failure, requestID string) []byte {
	body, broken := json.Marshal(problemOf(err, requestID))
	if broken != nil { // a struct of strings and numbers
		panic(broken)
	}
	h := http.Header{"X-Request-Id": {requestID}}
	secure(h, false)
	answer{status: err.status, body: body}.describe(h)
	var b bytes.Buffer
	_ = (&http.Response{ // to memory
		StatusCode: err.status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Close: true,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}).Write(&b)
	return b.Bytes()
}
