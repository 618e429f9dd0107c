package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// The forms in which programs are built.
const (
	released = ""             // as everybody runs them
	crashing = "crash"        // which kill or stop themselves where they are told to
	mutated  = "crash,mutant" // which have a bug planted as well
)

// programs builds programs, each once, when it is first asked for.
type programs struct {
	dir   string
	mu    sync.Mutex
	built map[string]*sync.Once
	errs  map[string]error
}

func newPrograms(dir string) *programs {
	return &programs{dir: dir, built: map[string]*sync.Once{}, errs: map[string]error{}}
}

// path returns where the program made of cmd/<of> with these tags is.
func (p *programs) path(ctx context.Context, of, tags string) (string, error) {
	name := "billing-" + of
	if tags != released {
		name += "-" + strings.ReplaceAll(tags, ",", "-")
	}
	name = filepath.Join(p.dir, name)
	p.mu.Lock()
	once := p.built[name]
	if once == nil {
		once = new(sync.Once)
		p.built[name] = once
	}
	p.mu.Unlock()
	once.Do(func() {
		err := build(ctx, of, tags, name)
		p.mu.Lock()
		p.errs[name] = err
		p.mu.Unlock()
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	return name, p.errs[name]
}

// build uses the flags of make build, whose packages are compiled already.
func build(ctx context.Context, of, tags, into string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", tags,
		"-o", into, "github.com/online-cinema/billing/cmd/"+of)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(into), err, out)
	}
	return nil
}
