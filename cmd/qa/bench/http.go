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

// httpPart is H1 and H2: what reading costs above net/http itself.
func httpPart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Reading through HTTP"}
	s.Table.Head = []string{"", "requests/s", "p50, ms", "p99, ms", "CPU of the server, µs", "CPU of Postgres, µs"}
	raw := map[string][]pair{}
	err := l.inMarket(ctx, 3, func(m *market) error {
		return l.withAPI(ctx, m, 0, func(api *serving) error {
			t := worker.Task{Kind: "bare", URL: m.url(), Vault: m.pg.vault}
			var err error
			if t.Plans, err = body(ctx, api, "/v1/plans", ""); err != nil {
				return err
			}
			if t.Subscriptions, err = body(ctx, api, "/v1/subscriptions", m.viewers.tokens[0]); err != nil {
				return err
			}
			if l.profiles != "" {
				t.Profile = filepath.Join(l.profiles, "bare.pprof")
			}
			bare, err := serve(ctx, t)
			if err != nil {
				return err
			}
			for _, c := range []struct {
				name, path   string
				atLeast      float64
				bare, served func(n int) []byte
			}{
				{
					"H1", "GET /v1/plans", 0.60,
					func(int) []byte { return get("/plans", "") },
					func(int) []byte { return get("/v1/plans", "") },
				},
				{
					"H2", "GET /v1/subscriptions", 0.75,
					func(n int) []byte { return get("/subscriptions/"+userID(n%len(m.viewers.tokens)+1).String(), "") },
					func(n int) []byte { return get("/v1/subscriptions", m.viewers.tokens[n%len(m.viewers.tokens)]) },
				},
			} {
				pairs, err := l.pairs(ctx, l.reading(bare, c.bare), l.reading(api, c.served))
				if err != nil {
					return errors.Join(err, bare.stop())
				}
				for name, runs := range map[string][]run{"bare handler for " + c.path: bases(pairs), c.path: subjects(pairs)} {
					s.Table.add(name, rates(runs).String(), figure(median(each(runs, func(r run) float64 { return r.Latency.P50 }))),
						figure(median(each(runs, p99Of))), figure(client(runs)), figure(server(runs)))
				}
				s.Targets = append(s.Targets, atLeast(c.name, c.path+" over a bare handler", c.atLeast, ratio(pairs)))
				raw[c.path] = pairs
			}
			return bare.stop()
		})
	})
	s.Raw = raw
	return s, err
}

// reading asks the same for a while.
func (l *lab) reading(server *serving, request func(int) []byte) runner {
	var next atomic.Int64
	return func(ctx context.Context) (run, error) {
		return l.storm(ctx, server, storm{clients: 32, status: "200", request: request, next: &next, lasting: l.Time})
	}
}

// body is what the API answers.
func body(ctx context.Context, api *serving, path, token string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+api.addr+path, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("GET %s: %s: %s", path, res.Status, text))
	}
	return string(text), err
}
