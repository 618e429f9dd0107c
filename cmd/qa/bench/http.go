package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync/atomic"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// httpPart measures H1 and H2: GET requests against a bare net/http handler.
func httpPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "GET requests"}
	s.Table.Head = []string{"", "requests/s", "p50, ms", "p99, ms", "CPU of the server, µs", "CPU of Postgres, µs"}
	raw := map[string][]pair{}
	err := e.withSignups(ctx, 3, func(d *signups) error {
		return e.withAPI(ctx, d, 0, func(api *server) (err error) {
			bare, err := e.startBare(ctx, d, api)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, bare.stop()) }()
			for _, c := range getComparisons(d) {
				pairs, err := e.pairs(ctx, e.reading(bare, c.bare), e.reading(api, c.served))
				if err != nil {
					return err
				}
				for name, runs := range map[string][]run{"bare handler for " + c.path: bases(pairs), c.path: subjects(pairs)} {
					s.Table.add(name, rates(runs).String(), figure(median(each(runs, func(r run) float64 { return r.Latency.P50 }))),
						figure(median(each(runs, p99Of))), figure(clientCPU(runs)), figure(postgresCPU(runs)))
				}
				s.Targets = append(s.Targets, atLeast(c.name, c.path+" over a bare handler", c.atLeast, ratio(pairs)))
				raw[c.path] = pairs
			}
			return nil
		})
	})
	s.Raw = raw
	return s, err
}

// getComparison compares a GET request with the same response of a bare handler.
type getComparison struct {
	name, path   string
	atLeast      float64
	bare, served func(n int) []byte // returns request n
}

func getComparisons(d *signups) []getComparison {
	return []getComparison{
		{
			"H1", "GET /v1/plans", 0.60,
			func(int) []byte { return get("/plans", "") },
			func(int) []byte { return get("/v1/plans", "") },
		},
		{
			"H2", "GET /v1/subscriptions", 0.75,
			func(n int) []byte { return get("/subscriptions/"+userID(n%len(d.viewers.tokens)+1).String(), "") },
			func(n int) []byte { return get("/v1/subscriptions", d.viewers.tokens[n%len(d.viewers.tokens)]) },
		},
	}
}

// startBare starts the bare handler with response bodies of the API.
func (e *env) startBare(ctx context.Context, d *signups, api *server) (bare *server, err error) {
	t := worker.Task{Kind: "bare", URL: d.url(), Vault: d.pg.vault}
	if t.Plans, err = body(ctx, api, "/v1/plans", ""); err != nil {
		return nil, err
	}
	if t.Subscriptions, err = body(ctx, api, "/v1/subscriptions", d.viewers.tokens[0]); err != nil {
		return nil, err
	}
	if e.profiles != "" {
		t.Profile = filepath.Join(e.profiles, "bare.pprof")
	}
	return startServer(ctx, t)
}

// reading returns a runner of 32 clients that send GET requests.
func (e *env) reading(s *server, request func(int) []byte) runner {
	var next atomic.Int64
	return func(ctx context.Context) (run, error) {
		return e.generateLoad(ctx, s, loadGen{clients: 32, status: "200", request: request, next: &next, duration: e.Time})
	}
}

// body returns the body of a response of the API.
func body(ctx context.Context, api *server, path, token string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+api.addr+path, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("GET %s: %s: %s", path, resp.Status, text))
	}
	return string(text), err
}
