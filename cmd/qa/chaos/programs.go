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

// The build tags of programs.
const (
	released = ""             // the program as it is shipped
	crashing = "crash"        // kills or pauses itself at the step that its environment names
	mutated  = "crash,mutant" // has a planted bug as well
)

// programs builds programs. It builds each when it is first used, and only once.
type programs struct {
	dir   string
	mu    sync.Mutex
	built map[string]*sync.Once
	errs  map[string]error
}

func newPrograms(dir string) *programs {
	return &programs{dir: dir, built: map[string]*sync.Once{}, errs: map[string]error{}}
}

// path builds cmd/<of> with tags, if necessary, and returns the path of the program.
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

// build uses the flags of make build, so that the compiled packages are in Go's cache.
func build(ctx context.Context, of, tags, into string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", tags,
		"-o", into, "github.com/online-cinema/billing/cmd/"+of)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(into), err, out)
	}
	return nil
}
