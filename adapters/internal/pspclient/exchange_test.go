package pspclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/ports"
)

func oldTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
}

func TestDo_SendsTheRequest(t *testing.T) {
	t.Parallel()
	type seen struct{ method, uri, key, body string }
	got := make(chan seen, 2)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, r.Header.Get("Authorization"), string(body)}
	})
	c, r := newClient(t, config(s.URL+"/api")), request()
	for range 2 {
		if _, err := c.Do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want := seen{"POST", "/api" + r.Path, "Bearer " + secretKey, string(r.Body)}
	for range 2 {
		if diff := cmp.Diff(want, <-got, cmp.AllowUnexported(seen{})); diff != "" {
			t.Errorf("the request differs (-want +got):\n%s", diff)
		}
	}
}

func TestDo_ReturnsEveryStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 302, 307, 400, 401, 404, 500, 502} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>"+secretWord)
		})
		resp, err := do(t, newClient(t, config(s.URL)))
		if err != nil || resp.Status != status || string(resp.Body) != "<html>"+secretWord {
			t.Errorf("Do = %+v, %v; want status %d with the body", resp, err, status)
		}
	}
}

func TestDo_NotSent(t *testing.T) {
	t.Parallel()
	t.Run("the connection is refused", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		_, err = do(t, newClient(t, config("http://"+l.Addr().String())))
		expectNotSent(t, err)
	})
	t.Run("the connection is cut during TLS", func(t *testing.T) {
		t.Parallel()
		address := rawServer(t, func(net.Conn) {})
		_, err := do(t, newClient(t, config("https://"+address)))
		expectNotSent(t, err)
	})
	t.Run("TLS never ends", func(t *testing.T) {
		t.Parallel()
		address := rawServer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		cfg := config("https://" + address)
		cfg.Timeout = 50 * time.Millisecond
		_, err := do(t, newClient(t, cfg))
		expectNotSent(t, err)
	})
	t.Run("the header is invalid", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") })
		r := request()
		r.Header.Set("Authorization", secretKey+"\n")
		_, err := newClient(t, config(s.URL)).Do(t.Context(), r)
		expectNotSent(t, err)
		expectNoSecret(t, err)
	})
	t.Run("the path is invalid", func(t *testing.T) {
		t.Parallel()
		r := request()
		r.Path = "/%zz" + secretToken
		_, err := newClient(t, config("https://psp.example")).Do(t.Context(), r)
		expectNotSent(t, err)
		expectNoSecret(t, err)
	})
	t.Run("the context is over", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, config(s.URL)).Do(ctx, request())
		expectNotSent(t, err)
	})
}

func TestDo_Unknown(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"no response":            "",
		"half a header":          "HTTP/1.1 200 OK\r\nX: " + secretWord,
		"half a body":            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{" + secretWord,
		"half a chunk":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + secretWord,
		"not HTTP":               secretWord + " " + secretWord + "\r\n\r\n",
		"an invalid status":      "HTTP/1.1 " + secretWord + "\r\n\r\n",
		"an invalid header":      "HTTP/1.1 200 OK\r\n" + secretWord + "\r\n\r\n",
		"a body that is no gzip": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + secretWord,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := do(t, newClient(t, config("http://"+rawServer(t, respondRaw(response)))))
			expectUnknown(t, err)
		})
	}
}

func TestDo_LongBody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		bytes int
		want  error
	}{"1 MiB": {maxBody, nil}, "one byte more": {maxBody + 1, errTooLong}, "10 MB": {10_000_000, errTooLong}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(bytes.Repeat([]byte("x"), tt.bytes))
			})
			resp, err := do(t, newClient(t, config(s.URL)))
			if !errors.Is(err, tt.want) || (err == nil) != (len(resp.Body) == tt.bytes) {
				t.Errorf("Do = %d bytes, %v; want the error %v", len(resp.Body), err, tt.want)
			}
		})
	}
}

func TestDo_SlowResponse(t *testing.T) {
	t.Parallel()
	t.Run("the timeout of the client", func(t *testing.T) {
		t.Parallel()
		h, _, _ := hold()
		cfg := config(serve(t, h).URL)
		cfg.Timeout = time.Second
		_, err := do(t, newClient(t, cfg))
		expectUnknown(t, err)
	})
	t.Run("the end of the context", func(t *testing.T) {
		t.Parallel()
		h, arrived, _ := hold()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		_, err := newClient(t, config(serve(t, h).URL)).Do(ctx, request())
		expectUnknown(t, err)
		expectNoSecret(t, err)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Do = %v, want context.Canceled", err)
		}
	})
}

func TestDo_Busy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header string
		want   time.Duration
	}{
		"no header":   {"", 0},
		"seconds":     {"7", 7 * time.Second},
		"a date":      {now.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		"a past date": {now.Add(-time.Hour).Format(http.TimeFormat), 0},
		"nonsense":    {secretWord, 0},
		"negative":    {"-1", 0},
		"too long":    {"100000000", maxRetryAfter},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(w, secretWord)
			})
			resp, err := do(t, newClient(t, config(s.URL)))
			busy := (*ports.BusyError)(nil)
			if !errors.As(err, &busy) || busy.After != tt.want {
				t.Errorf("Do = %#v, want a BusyError with %s", err, tt.want)
			}
			if string(resp.Body) != secretWord {
				t.Errorf("the body is %q, want that of the response", resp.Body)
			}
		})
	}
}

func TestResponse_JSON(t *testing.T) {
	t.Parallel()
	for body, valid := range map[string]bool{
		`{"id":"a"}`: true, `{"id":"a","more":[1]}`: true, "": false, `{"id":"` + secretWord: false,
		`{"id":"a"} ` + secretWord: false, `{"id":7}`: false, "<html>" + secretWord: false,
	} {
		var v struct{ ID string }
		err := Response{Body: []byte(body)}.JSON(&v)
		expectNoSecret(t, err)
		if (err == nil) != valid || valid && v.ID != "a" || !valid && !errors.Is(err, errUnreadable) {
			t.Errorf("JSON of %q = %+v, %v; want valid = %t", body, v, err, valid)
		}
	}
	if err := (Response{Body: []byte(strings.Repeat("[", 1<<20))}).JSON(new(any)); err == nil {
		t.Error("deeply nested JSON is accepted")
	}
}
