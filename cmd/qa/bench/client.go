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

// latencies are of single requests, in milliseconds.
type latencies struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// storm is many clients that ask a server without a pause, each over a
// connection of its own. It reads answers just well enough to check them, since
// it runs on the same machine.
type storm struct {
	addr    string
	clients int
	status  string           // that every answer must have
	request func(int) []byte // the n-th; nil at the end
	next    *atomic.Int64
	lasting time.Duration // zero until there is no more to ask
}

// run returns how many were answered, in what time, and how long single ones took.
func (s storm) run(ctx context.Context) (run, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var wg sync.WaitGroup
	begin := time.Now()
	for range s.clients {
		wg.Go(func() {
			took, err := s.client(ctx, begin)
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, took...), errors.Join(failed, err)
			if err != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	r := run{Done: worker.Done{Items: len(all), Elapsed: time.Since(begin)}}
	if failed != nil || len(all) == 0 {
		return r, fmt.Errorf("%d answers, then: %w", len(all), failed)
	}
	slices.Sort(all)
	at := func(share float64) float64 { return float64(all[int(share*float64(len(all)-1))].Microseconds()) / 1000 }
	r.Latency = &latencies{P50: at(0.50), P99: at(0.99)}
	return r, nil
}

func (s storm) client(ctx context.Context, begin time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	for ctx.Err() == nil && (s.lasting == 0 || time.Since(begin) < s.lasting) {
		request := s.request(int(s.next.Add(1) - 1))
		if request == nil {
			return took, nil
		}
		asked := time.Now()
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		if err := s.answer(answers); err != nil {
			return took, err
		}
		took = append(took, time.Since(asked))
	}
	return took, nil
}

var contentLength = []byte("Content-Length: ")

// answer reads one.
func (s storm) answer(r *bufio.Reader) error {
	first, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	fine := bytes.HasPrefix(first, []byte("HTTP/1.1 "+s.status))
	status, length := "", -1
	if !fine {
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
		return errors.New("an answer without Content-Length")
	}
	if !fine {
		body, err := io.ReadAll(io.LimitReader(r, int64(length)))
		return errors.Join(fmt.Errorf("answer %s: %s", status, body), err)
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
