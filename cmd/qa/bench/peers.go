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

// peer is a run of something else that does what ours does: see the module in
// peers, which the product's own must not depend on.
type peer struct {
	Kind        string        `json:"kind"` // river, or loop
	URL         string        `json:"url"`
	Now         time.Time     `json:"now"`
	Due         int           `json:"due"`
	Latency     time.Duration `json:"latency"`
	Concurrency int           `json:"concurrency"`
}

// buildPeers compiles the peers, with the Go that compiled this program.
func buildPeers(ctx context.Context) (program string, clean func(), err error) {
	_, file, _, ok := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(file), "peers")
	if _, err := os.Stat(source); !ok || err != nil {
		source = filepath.Join("cmd", "bench", "peers") // a build with -trimpath, run at the top of the repository
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

// peer makes one run of a peer, which works on those who are due next.
func (l *lab) peer(ctx context.Context, program string, t *town, p peer) (run, error) {
	_, p.Now = t.window(p.Due)
	p.URL = t.url()
	text, err := json.Marshal(p)
	if err != nil {
		return run{}, err
	}
	r, err := finishCommand(t.pg, exec.CommandContext(ctx, program, string(text)))
	if err != nil {
		return r, err
	}
	if r.Items != p.Due {
		return r, fmt.Errorf("%s renewed %d of %d", p.Kind, r.Items, p.Due)
	}
	t.renewed += r.Items
	return r, t.rest(ctx)
}

// peersPart is B6: what others would pick, in the same schema and with the same
// writes, in turn with ours.
func peersPart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Renewals against peers"}
	s.Table.Head = []string{"", "payment system", "renewals/s", "CPU of its own, µs", "CPU of Postgres, µs", "peak RSS, MB"}
	program, clean, err := buildPeers(ctx)
	if err != nil {
		return s, err
	}
	defer clean()
	raw := map[string][]pair{}
	err = l.inTown(ctx, crowd{l.Rows, 1}, "peers", func(t *town) error {
		for _, c := range []struct {
			name    string
			p       peer
			atLeast float64
		}{
			{"River, one job for each renewal", peer{Kind: "river", Concurrency: concurrency}, 15},
			{"River, one job for each renewal", peer{Kind: "river", Concurrency: 256, Latency: 20 * time.Millisecond}, 10},
			{"select all due; for each: charge, update", peer{Kind: "loop"}, 20},
		} {
			// Peers are slow: a tenth of the work, with ours in turn doing all of it.
			c.p.Due = max(500, l.Due/10)
			l2 := *l
			l2.Pairs = min(l.Pairs, 3)
			pairs, err := l2.pairs(ctx,
				func(ctx context.Context) (run, error) { return l.peer(ctx, program, t, c.p) },
				func(ctx context.Context) (run, error) {
					return l.renew(ctx, t, renewal{due: l.Due, concurrency: max(concurrency, c.p.Concurrency), latency: c.p.Latency})
				})
			l.foreign = append(l.foreign, l2.foreign...)
			if err != nil {
				return err
			}
			for name, runs := range map[string][]run{c.name: bases(pairs), "billing-renew": subjects(pairs)} {
				s.Table.add(name, c.p.Latency.String(), rates(runs).String(), figure(client(runs)), figure(server(runs)),
					figure(median(each(runs, func(r run) float64 { return float64(r.RSS) / 1e6 }))))
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
