package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// latencies holds percentiles of the requests of a run.
type latencies struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// loadGen is a number of clients that send requests without a pause, each over its
// own connection. It parses only the parts of responses that it checks, because it
// runs on the same machine as the server.
type loadGen struct {
	addr     string
	clients  int
	status   string           // required of every response
	request  func(int) []byte // returns request n, or nil after the last
	next     *atomic.Int64
	duration time.Duration // zero means until the last request
}

// run sends requests and returns the number of responses, the time and the latencies.
func (g loadGen) run(ctx context.Context) (run, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var wg sync.WaitGroup
	begin := time.Now()
	for range g.clients {
		wg.Go(func() {
			took, err := g.client(ctx, begin)
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, took...), errors.Join(failed, err)
			if err != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	r := run{Result: worker.Result{Items: len(all), Elapsed: time.Since(begin)}}
	if failed != nil || len(all) == 0 {
		return r, fmt.Errorf("after %d responses: %w", len(all), failed)
	}
	slices.Sort(all)
	at := func(share float64) float64 { return float64(all[int(share*float64(len(all)-1))].Microseconds()) / 1000 }
	r.Latency = &latencies{P50: at(0.50), P99: at(0.99)}
	return r, nil
}

func (g loadGen) client(ctx context.Context, begin time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	responses := bufio.NewReader(conn)
	for ctx.Err() == nil && (g.duration == 0 || time.Since(begin) < g.duration) {
		request := g.request(int(g.next.Add(1) - 1))
		if request == nil {
			return took, nil
		}
		sent := time.Now()
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		if err := g.readResponse(responses); err != nil {
			return took, err
		}
		took = append(took, time.Since(sent))
	}
	return took, nil
}

var contentLength = []byte("Content-Length: ")

// readResponse reads and checks one response.
func (g loadGen) readResponse(r *bufio.Reader) error {
	first, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	valid := bytes.HasPrefix(first, []byte("HTTP/1.1 "+g.status))
	status, length := "", -1
	if !valid {
		status = string(bytes.TrimSpace(first))
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if bytes.HasPrefix(line, contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("response without Content-Length")
	}
	if !valid {
		body, err := io.ReadAll(io.LimitReader(r, int64(length)))
		return errors.Join(fmt.Errorf("status %s: %s", status, body), err)
	}
	_, err = r.Discard(length)
	return err
}

func get(path, token string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\n" + bearer(token) + "\r\n")
}

func post(path, token, body string) []byte {
	return []byte("POST " + path + " HTTP/1.1\r\nHost: bench\r\n" + bearer(token) +
		"Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func bearer(token string) string {
	if token == "" {
		return ""
	}
	return "Authorization: Bearer " + token + "\r\n"
}
