package boot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wire is an in-memory network for synctest bubbles, where time advances only
// while all goroutines are blocked.
type wire struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newWire() *wire { return &wire{calls: make(chan net.Conn), closed: make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "unix"} }

func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.calls <- there:
		return here, nil
	case <-w.closed:
		return nil, errors.New("connection refused")
	}
}

func (w *wire) client(t *testing.T) *http.Client {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: w.dial}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// serveWire serves h on a wire until the test ends.
func serveWire(t *testing.T, h http.Handler) *wire {
	t.Helper()
	w, s := newWire(), NewServer(h, testTimeout, slog.New(slog.DiscardHandler))
	go func() { _ = serveOn(s, w) }()
	t.Cleanup(func() {
		_ = s.Close()
		time.Sleep(time.Second) // the server lingers on connections that it has closed
	})
	return w
}

const testTimeout = 30 * time.Second

// readAll is a handler that reads the request and sends a large response.
func readAll(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	_, _ = w.Write(make([]byte, 64<<10))
}

// The server disconnects each kind of slow client in time. A thousand of them must
// not keep it from serving another client.
func TestServer_DisconnectsSlowClients(t *testing.T) {
	t.Parallel()
	const request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"
	tests := map[string]struct {
		begin string        // sent immediately
		drip  bool          // one byte a second afterwards
		reads bool          // the response
		after time.Duration // until the server closes the connection
	}{
		"sends nothing":                {"", false, true, 5 * time.Second},
		"header byte by byte":          {"GET / HTTP/1.1\r\nX-Pad: ", true, true, 5 * time.Second},
		"body byte by byte":            {request, true, true, 10 * time.Second},
		"body that never comes":        {request, false, true, 10 * time.Second},
		"does not read the response":   {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, false, testTimeout},
		"keeps an idle connection":     {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, true, time.Minute},
		"a second request that stalls": {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT", false, true, 5 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := serveWire(t, http.HandlerFunc(readAll))
				start, ends := time.Now(), make(chan time.Duration)
				for range 1000 {
					conn, err := w.dial(t.Context(), "", "")
					if err != nil {
						t.Fatal(err)
					}
					go slow(conn, test.begin, test.drip)
					go func() { ends <- endOf(conn, test.reads, start) }()
				}
				time.Sleep(time.Second)
				at := time.Now()
				resp, err := w.client(t).Post("http://wire/", "text/plain", strings.NewReader("hello"))
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, resp.Body)
				if errors.Join(err, resp.Body.Close()) != nil || resp.StatusCode != http.StatusOK || time.Since(at) > 0 {
					t.Errorf("another client: status %d after %v: %v", resp.StatusCode, time.Since(at), err)
				}
				for range 1000 {
					if after := <-ends; after < test.after || after > test.after+time.Second {
						t.Fatalf("a slow client was disconnected after %v, want %v", after, test.after)
					}
				}
			})
		})
	}
}

// slow sends like a slow client until the connection ends.
func slow(conn net.Conn, begin string, drip bool) {
	_, err := conn.Write([]byte(begin))
	for drip && err == nil {
		time.Sleep(time.Second)
		_, err = conn.Write([]byte("x"))
	}
}

// endOf returns the time from start until the server closed the connection.
func endOf(conn net.Conn, reads bool, start time.Time) time.Duration {
	if reads {
		_, _ = io.Copy(io.Discard, conn)
		return time.Since(start)
	}
	// A client that does not read notices the end when a write fails.
	var err error
	for err == nil {
		time.Sleep(time.Second)
		_, err = conn.Write([]byte("x"))
	}
	return time.Since(start)
}

func TestServer_RefusesLargeHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serveWire(t, http.HandlerFunc(readAll))
		for size, want := range map[int]int{8 << 10: 200, 64 << 10: 431} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://wire/", nil)
			req.RequestURI = ""
			req.Header.Set("X-Pad", strings.Repeat("a", size))
			resp, err := w.client(t).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("header of %d bytes: status %d, want %d", size, resp.StatusCode, want)
			}
		}
	})
}

// After the signal /readyz fails immediately, the delay still accepts new requests,
// and afterwards only requests in flight finish.
func TestServer_Shutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		health, log := healthy(), slog.New(slog.DiscardHandler)
		work := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d, _ := time.ParseDuration(r.URL.Query().Get("takes"))
			time.Sleep(d)
		})
		public, ops := newWire(), newWire()
		s := &Server{
			Listeners: Listeners{public, ops}, Health: health,
			Public: NewServer(health.CloseOnStop(work), testTimeout, log), Ops: NewServer(health.Handler(), testTimeout, log),
			Delay: 5 * time.Second, Grace: testTimeout, Log: log,
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()

		api, probe := public.client(t), ops.client(t)
		expect := func(client *http.Client, path string, status int, closes bool) {
			t.Helper()
			resp, err := client.Get("http://wire" + path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != status || resp.Close != closes {
				t.Errorf("%s: status %d, closes the connection: %t; want %d, %t", path, resp.StatusCode, resp.Close, status, closes)
			}
		}
		expect(api, "/", 200, false)
		expect(probe, "/readyz", 200, false)
		var inFlight sync.WaitGroup
		for range 200 {
			inFlight.Go(func() { expect(api, "/?takes=20s", 200, true) })
		}
		synctest.Wait()
		stop()
		synctest.Wait()
		expect(probe, "/readyz", 503, false)
		expect(api, "/", 200, true)
		time.Sleep(5*time.Second - 1)
		expect(api, "/?takes=10s", 200, true)
		if resp, err := api.Get("http://wire/"); err == nil {
			_ = resp.Body.Close()
			t.Errorf("a new request after the delay: status %d, want no connection", resp.StatusCode)
		}
		inFlight.Wait()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestAddress_UsualUser(t *testing.T) {
	t.Parallel()
	for addr, want := range map[Address]bool{"127.0.0.1:9090": true, ":9090": true, "127.0.0.1:9091": false, "[::1]:90": false} {
		if got := addr.UsualUser(); strings.Contains(got, "Prometheus") != want {
			t.Errorf("UsualUser of %s = %q, want Prometheus in it: %t", addr, got, want)
		}
	}
}
