package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// options are the flags. The results depend on the fields that JSON stores.
type options struct {
	Out     string        `json:"-"`
	Data    string        `json:"-"`
	Rows    int           `json:"rows"`
	Due     int           `json:"due"`
	Pairs   int           `json:"pairs"`
	Time    time.Duration `json:"time"`
	Force   bool          `json:"force"`
	Program string        `json:"program"` // hash of this program and of the renewer

	fresh    bool
	profiles string
}

// env is shared by all parts.
type env struct {
	options
	pg       *cluster
	queries  queries
	report   report
	otherCPU []float64 // share of the processors used by other processes, per run of the current part
}

// maxOtherCPU is the largest share of other processes at which targets are judged.
const maxOtherCPU = 0.15

var errBusy = errors.New("other processes use this machine, so the figures would be wrong: " +
	"wait, or set BENCH_FORCE=1 (-force) to measure without judging")

func openEnv(ctx context.Context, o options) (*env, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if o.Program, err = hashOf(self, renewer(self)); err != nil {
		return nil, fmt.Errorf("hash this program and the renewer beside it, which make bench builds: %w", err)
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	q, err := readQueries()
	if err != nil {
		return nil, err
	}
	pg, err := openCluster(ctx, o.Data)
	if err != nil {
		return nil, err
	}
	r := report{Machine: thisMachine(), Options: o, Settings: pg.settings}
	return &env{options: o, pg: pg, queries: q, report: r}, nil
}

func hashOf(files ...string) (string, error) {
	h := sha256.New()
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// savedSection is the content of a result file.
type savedSection struct {
	Options options `json:"options"`
	Section section `json:"section"`
}

// measurePart measures a part, or returns its stored result.
func (e *env) measurePart(ctx context.Context, kind string, p part) (section, error) {
	if s, ok := e.resume(kind, p.name); ok {
		logf("%s: stored result", p.name)
		return s, nil
	}
	if err := e.waitIdle(ctx); err != nil {
		return section{}, err
	}
	logf("%s", p.name)
	e.otherCPU = nil
	begin, before := time.Now(), loadAverage()
	s, err := p.f(ctx, e)
	if err != nil {
		return s, err
	}
	s.Name, s.At, s.Took = p.name, begin.UTC().Truncate(time.Second), time.Since(begin).Round(time.Second)
	s.LoadBefore, s.OtherCPU = before, median(e.otherCPU)
	s.Judged = !e.Force && s.OtherCPU <= maxOtherCPU
	text, err := json.MarshalIndent(savedSection{e.resultOptions(), s}, "", "  ")
	if err != nil {
		return s, err
	}
	return s, os.WriteFile(e.file(kind, p.name), text, 0o644)
}

func (e *env) file(kind, part string) string { return filepath.Join(e.Out, kind+"-"+part+".json") }

// resume returns the stored result of a part, if the same program made it with the
// same options.
func (e *env) resume(kind, part string) (section, bool) {
	var saved savedSection
	text, err := os.ReadFile(e.file(kind, part))
	same := err == nil && json.Unmarshal(text, &saved) == nil && saved.Options == e.resultOptions()
	return saved.Section, same && !e.fresh
}

// resultOptions returns the options without those that do not affect results.
func (e *env) resultOptions() options {
	o := e.options
	o.Out, o.Data, o.fresh, o.profiles = "", "", false, ""
	return o
}

// waitIdle waits up to a minute for the machine to be idle, because an earlier part
// may have left work. It returns errBusy if the machine stays busy.
func (e *env) waitIdle(ctx context.Context) error {
	for range 60 {
		if cpuInUse() <= maxOtherCPU || e.Force {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errBusy
}

// watch calls f and records the share of the processors that other processes used:
// the total, less the share of this program, the measured program and Postgres.
func (e *env) watch(f func() (run, error)) (run, error) {
	all, idle := processorTime()
	own := worker.CPU()
	r, err := f()
	allNow, idleNow := processorTime()
	if used := allNow - all; used > 0 && err == nil {
		ours := (worker.CPU() - own + r.ClientCPU + r.PostgresCPU).Seconds() * ticks
		e.otherCPU = append(e.otherCPU, max(0, (float64(used-(idleNow-idle))-ours)/float64(used)))
	}
	return r, err
}
