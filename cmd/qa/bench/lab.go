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

// options are the command line's.
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

// lab is what all parts use.
type lab struct {
	options
	pg      *cluster
	queries queries
	report  report
	foreign []float64 // share of the processors that others used, run by run of this part
}

// Others may use so much of the processors before we refuse to judge.
const maxForeign = 0.15

// errLoaded says why nothing is measured.
var errLoaded = errors.New("the machine is loaded: figures would say nothing. " +
	"Wait, or set BENCH_FORCE=1 (-force) to measure all the same and have nothing judged")

func openLab(ctx context.Context, o options) (*lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if o.Program, err = hashOf(self, renewer(self)); err != nil {
		return nil, fmt.Errorf("the program and the one beside it, which make bench makes: %w", err)
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
	return &lab{options: o, pg: pg, queries: q, report: r}, nil
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

// kept is a section as it lies in its file.
type kept struct {
	Options options `json:"options"`
	Section section `json:"section"`
}

// measure measures one part, or returns what was measured already.
func (l *lab) measure(ctx context.Context, kind string, p part) (section, error) {
	if s, ok := l.resume(kind, p.name); ok {
		say("%s: measured already", p.name)
		return s, nil
	}
	if err := l.quiet(ctx); err != nil {
		return section{}, err
	}
	say("%s", p.name)
	l.foreign = nil
	begin, before := time.Now(), load()
	s, err := p.f(ctx, l)
	if err != nil {
		return s, err
	}
	s.Name, s.At, s.Took = p.name, begin.UTC().Truncate(time.Second), time.Since(begin).Round(time.Second)
	s.LoadBefore, s.Foreign = before, median(l.foreign)
	s.Judged = !l.Force && s.Foreign <= maxForeign
	text, err := json.MarshalIndent(kept{l.publicOptions(), s}, "", "  ")
	if err != nil {
		return s, err
	}
	return s, os.WriteFile(l.file(kind, p.name), text, 0o644)
}

func (l *lab) file(kind, part string) string { return filepath.Join(l.Out, kind+"-"+part+".json") }

// resume returns what was measured already by the same program in the same way.
func (l *lab) resume(kind, part string) (section, bool) {
	var k kept
	text, err := os.ReadFile(l.file(kind, part))
	same := err == nil && json.Unmarshal(text, &k) == nil && k.Options == l.publicOptions()
	return k.Section, same && !l.fresh
}

func (l *lab) publicOptions() options {
	o := l.options
	o.Out, o.Data, o.fresh, o.profiles = "", "", false, ""
	return o
}

// quiet waits a little for the machine to be idle: what went before may have
// left something to do.
func (l *lab) quiet(ctx context.Context) error {
	for range 60 {
		if busy() <= maxForeign || l.Force {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errLoaded
}

// watch notes how much of the processors others used while f ran: all that was
// used, but for ours and Postgres'.
func (l *lab) watch(f func() (run, error)) (run, error) {
	all, idle := processorTime()
	own := worker.CPU()
	r, err := f()
	allNow, idleNow := processorTime()
	if used := allNow - all; used > 0 && err == nil {
		ours := (worker.CPU() - own + r.Client + r.Server).Seconds() * ticks
		l.foreign = append(l.foreign, max(0, (float64(used-(idleNow-idle))-ours)/float64(used)))
	}
	return r, err
}
