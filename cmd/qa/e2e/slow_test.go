package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// slowClient is a kind of client that occupies a connection.
type slowClient struct {
	begin string // sent immediately
	drip  bool   // then sends single bytes
	deaf  bool   // does not read the responses
}

func slowClients(token string) []slowClient {
	const header = "GET /v1/plans HTTP/1.1\r\nHost: billing\r\n"
	body := "POST /v1/subscriptions HTTP/1.1\r\nHost: billing\r\nAuthorization: Bearer " + token +
		"\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{"
	return []slowClient{
		{},                                       // sends nothing
		{begin: header + "X-Pad: a", drip: true}, // header byte by byte
		{begin: header + "\r\n" + header, drip: true}, // the second header byte by byte
		{begin: body},             // a body that never arrives
		{begin: body, drip: true}, // body byte by byte
		{begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: billing\r\n\r\n", 200), deaf: true}, // does not read megabytes
	}
}

const (
	slowClientCount = 1000
	// maxResponseTime is the limit for a normal client beside the slow ones. Usually it
	// waits for milliseconds. The limit is for a busy machine.
	maxResponseTime = 10 * time.Second
)

// slowFor returns how long the slow clients stay connected. With `make hostile` that
// is longer than any time-out of the server.
func slowFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SLOW_FOR")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SLOW_FOR: %v", err)
	}
	return d
}

// A thousand slow clients of all kinds do not block a normal client. The server
// disconnects each of them and keeps no goroutine of it.
func TestSlowClients_DoNotBlockOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	goroutines := gauge(t, a, "go_goroutines")
	alice := a.at(w.viewer(t, "alice"))
	kinds := slowClients(alice.token)
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var begun, cut atomic.Int64
	for i := range slowClientCount {
		clients.Go(func() { kinds[i%len(kinds)].hold(ctx, t, a, &begun, &cut) })
	}
	eventually(t, "all slow clients", func() bool { return begun.Load() == slowClientCount })

	var worst time.Duration
	served := 0
	for end := time.Now().Add(slowFor(t)); time.Now().Before(end) || served < 10; served++ {
		begin := time.Now()
		path := []string{"/v1/plans", "/v1/entitlements", "/openapi.json"}[served%3]
		alice.get(t, path) // over a connection of its own
		worst = max(worst, time.Since(begin))
	}
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
		t.Errorf("subscribe: %d %s, want 201", got.status, got.text)
	}
	if got := ready(t, a); got != http.StatusOK {
		t.Errorf("readyz: status %d, want 200", got)
	}
	t.Logf("%d requests were served, the slowest in %v; %d slow clients were disconnected, %d KB resident",
		served, worst.Round(time.Millisecond), cut.Load(), residentKB(t, a))
	if worst > maxResponseTime {
		t.Errorf("a normal client waited for %v, want at most %v", worst, maxResponseTime)
	}
	if slowFor(t) >= 30*time.Second { // longer than any time-out
		eventually(t, "end of every slow client", func() bool { return cut.Load() == slowClientCount })
	}
	stop()
	clients.Wait()
	eventually(t, "end of all connections", func() bool { return gauge(t, a, "go_goroutines") <= goroutines+8 })
	w.checkLedger(t, 1)
}

// hold keeps a connection open until the server closes it or ctx ends.
func (s slowClient) hold(ctx context.Context, t *testing.T, a api, begun, cut *atomic.Int64) {
	dialer := net.Dialer{}
	if s.deaf {
		dialer.Control = smallBuffer
	}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(a.base, "http://"))
	if err != nil {
		t.Errorf("a slow client: %v", err)
		begun.Add(1)
		return
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, err = io.WriteString(conn, s.begin)
	begun.Add(1)
	if !s.drip && !s.deaf {
		_, err = io.Copy(io.Discard, conn) // until the server closes the connection
	} else if !s.deaf {
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	for tick := time.NewTicker(500 * time.Millisecond); err == nil && (s.drip || s.deaf); {
		select {
		case <-tick.C:
			_, err = conn.Write([]byte("a"))
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if ctx.Err() == nil {
		cut.Add(1)
	}
}

// smallBuffer limits the bytes that the system receives for a client that does not
// read.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	if fault := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }); fault != nil {
		return fault
	}
	return err
}
