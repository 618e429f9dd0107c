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

// slowClient is a way of keeping a server busy by being slow.
type slowClient struct {
	begin string // what is sent at once
	drip  bool   // then a byte now and then
	deaf  bool   // does not read the answers, so that they pile up
}

func slowClients(token string) []slowClient {
	const header = "GET /v1/plans HTTP/1.1\r\nHost: billing\r\n"
	body := "POST /v1/subscriptions HTTP/1.1\r\nHost: billing\r\nAuthorization: Bearer " + token +
		"\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{"
	return []slowClient{
		{},                                       // says nothing
		{begin: header + "X-Pad: a", drip: true}, // header byte by byte
		{begin: header + "\r\n" + header, drip: true}, // the second header byte by byte
		{begin: body},             // a body that never comes
		{begin: body, drip: true}, // byte by byte
		{begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: billing\r\n\r\n", 200), deaf: true}, // does not read megabytes
	}
}

const (
	manySlow = 1000
	// normally is how long a normal client waits at most while the slow ones
	// are there. It is milliseconds; this is for a machine with other things to do.
	normally = 10 * time.Second
)

// slowFor is how long the slow clients keep on. `make hostile` lets them do it
// for longer than the server puts up with any of them.
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

// A thousand slow clients of every kind do not keep a normal one from being
// served. Each is cut off in the end, and leaves nothing behind.
func TestSlowClientsDoNotStopOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	goroutines := gauge(t, a, "go_goroutines")
	alice := a.at(w.viewer(t, "alice"))
	kinds := slowClients(alice.token)
	ctx, stop := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	var begun, cut atomic.Int64
	for i := range manySlow {
		crowd.Go(func() { kinds[i%len(kinds)].pester(ctx, t, a, &begun, &cut) })
	}
	eventually(t, "all slow clients", func() bool { return begun.Load() == manySlow })

	var worst time.Duration
	served := 0
	for end := time.Now().Add(slowFor(t)); time.Now().Before(end) || served < 10; served++ {
		begin := time.Now()
		path := []string{"/v1/plans", "/v1/entitlements", "/openapi.json"}[served%3]
		alice.get(t, path) // over a connection of its own
		worst = max(worst, time.Since(begin))
	}
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribing("tok_ok")); got.status != http.StatusCreated {
		t.Errorf("subscribing is answered %d %s", got.status, got.text)
	}
	if got := ready(t, a); got != http.StatusOK {
		t.Errorf("readyz says %d", got)
	}
	t.Logf("%d requests were served meanwhile, the slowest in %v; %d slow clients were cut off, %d KB resident",
		served, worst.Round(time.Millisecond), cut.Load(), residentKB(t, a))
	if worst > normally {
		t.Errorf("a normal client waited for %v", worst)
	}
	if slowFor(t) >= 30*time.Second { // longer than any of them is put up with
		eventually(t, "end of every slow client", func() bool { return cut.Load() == manySlow })
	}
	stop()
	crowd.Wait()
	eventually(t, "end of all connections", func() bool { return gauge(t, a, "go_goroutines") <= goroutines+8 })
	w.agree(t, 1)
}

// pester keeps a connection for as long as it can, or until ctx ends.
func (s slowClient) pester(ctx context.Context, t *testing.T, a api, begun, cut *atomic.Int64) {
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
		_, err = io.Copy(io.Discard, conn) // ends when the server ends it
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

// smallBuffer keeps the system from reading what the client does not.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	if fault := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }); fault != nil {
		return fault
	}
	return err
}
