package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// peer configures a run of another implementation. They have their own module in
// peers, because the service must not depend on River.
type peer struct {
	Kind        string        `json:"kind"` // river, or loop
	URL         string        `json:"url"`
	Now         time.Time     `json:"now"`
	Due         int           `json:"due"`
	Latency     time.Duration `json:"latency"`
	Concurrency int           `json:"concurrency"`
}

// buildPeers compiles the program with the peers.
func buildPeers(ctx context.Context) (program string, clean func(), err error) {
	_, file, _, ok := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(file), "peers")
	if _, err := os.Stat(source); !ok || err != nil {
		source = filepath.Join("cmd", "qa", "bench", "peers") // built with -trimpath, run at the top of the repository
	}
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return "", nil, err
	}
	program, clean = filepath.Join(dir, "peers"), func() { _ = os.RemoveAll(dir) }
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, ".")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		clean()
		return "", nil, fmt.Errorf("build the peers: %w: %s", err, tail(string(out)))
	}
	return program, clean, nil
}

// peer makes a run of a peer that renews the subscriptions that are due next.
func (e *env) peer(ctx context.Context, program string, d *dataset, p peer) (run, error) {
	_, p.Now = d.window(p.Due)
	p.URL = d.url()
	text, err := json.Marshal(p)
	if err != nil {
		return run{}, err
	}
	r, err := runCommand(d.pg, exec.CommandContext(ctx, program, string(text)))
	if err != nil {
		return r, err
	}
	if r.Items != p.Due {
		return r, fmt.Errorf("%s renewed %d of %d", p.Kind, r.Items, p.Due)
	}
	d.renewed += r.Items
	return r, d.vacuum(ctx)
}

// peersPart measures B6: runs against River and against a loop, in the same schema
// and with the same writes.
func peersPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Renewals against peers"}
	s.Table.Head = []string{"", "payment system", "renewals/s", "CPU of the client, µs", "CPU of Postgres, µs", "peak RSS, MB"}
	program, clean, err := buildPeers(ctx)
	if err != nil {
		return s, err
	}
	defer clean()
	raw := map[string][]pair{}
	err = e.withDataset(ctx, population{e.Rows, 1}, "peers", func(d *dataset) error {
		for _, c := range []struct {
			name    string
			p       peer
			atLeast float64
		}{
			{"River, one job per renewal", peer{Kind: "river", Concurrency: concurrency}, 15},
			{"River, one job per renewal", peer{Kind: "river", Concurrency: 256, Latency: 20 * time.Millisecond}, 10},
			{"loop: select all due; charge and update each", peer{Kind: "loop"}, 20},
		} {
			// The peers are slow, so they do a tenth of the work.
			c.p.Due = max(500, e.Due/10)
			fewer := *e
			fewer.Pairs = min(e.Pairs, 3)
			pairs, err := fewer.pairs(ctx,
				func(ctx context.Context) (run, error) { return e.peer(ctx, program, d, c.p) },
				func(ctx context.Context) (run, error) {
					return e.renew(ctx, d, renewal{due: e.Due, concurrency: max(concurrency, c.p.Concurrency), latency: c.p.Latency})
				})
			e.otherCPU = append(e.otherCPU, fewer.otherCPU...)
			if err != nil {
				return err
			}
			for name, runs := range map[string][]run{c.name: bases(pairs), "billing-renew": subjects(pairs)} {
				s.Table.add(name, c.p.Latency.String(), rates(runs).String(), figure(clientCPU(runs)), figure(postgresCPU(runs)),
					figure(median(rssOf(runs))))
			}
			what := fmt.Sprintf("renewals/s over %s, %v", c.p.Kind, c.p.Latency)
			s.Targets = append(s.Targets, atLeast("B6", what, c.atLeast, ratio(pairs)))
			raw[what] = pairs
		}
		return nil
	})
	s.Raw = raw
	return s, err
}
