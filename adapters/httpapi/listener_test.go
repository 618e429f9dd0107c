package httpapi

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// It fails if a new version of net/http changes the text of its responses, which
// parseRefusal recognizes.
func TestListener_UnreadableRequests(t *testing.T) {
	t.Parallel()
	s := newService(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: s.handler, MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: time.Minute,
		DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	}
	ids := &ids{}
	go func() { _ = server.Serve(Listener(tcp, ids.next, slog.New(slog.NewJSONHandler(s.logged, nil)))) }()
	t.Cleanup(func() { _ = server.Close() })
	tests := map[string]struct {
		request string
		status  int
		detail  string
	}{
		"not HTTP":                {"hello\r\n\r\n", 400, "this is not an HTTP/1.1 request"},
		"header without a colon":  {"GET / HTTP/1.1\r\nHost: x\r\ncolonless\r\n\r\n", 400, "this is not an HTTP/1.1 request"},
		"no Host header":          {"GET / HTTP/1.1\r\n\r\n", 400, "this is not an HTTP/1.1 request: missing required Host header"},
		"unknown transfer coding": {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n", 400, "this is not an HTTP/1.1 request"},
		"unknown version":         {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400, "this is not an HTTP/1.1 request: unsupported protocol version"},
		"header too large":        {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431, "the request line and the headers are longer than 16 KiB"},
		"OPTIONS *":               {"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "no resource has this path; /docs lists the paths"},
		"response text in a body": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nHTTP/1.1 hello\r\n\r\n", 404, "no resource has this path; /docs lists the paths"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", tcp.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if _, err := io.WriteString(c, test.request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			s.checker.checkCommon(t, "GET /", resp.StatusCode, resp.Header, body)
			if resp.StatusCode != test.status || !bytes.Contains(body, []byte(`"detail":"`+test.detail+`"`)) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, test.status, test.detail)
			}
			if id := resp.Header.Get("X-Request-Id"); !strings.Contains(s.logged.String(), `"request_id":"`+id+`"`) {
				t.Errorf("the log lacks the request id %s:\n%s", id, s.logged)
			}
		})
	}
}
