package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// suite holds the state that all trials share.
type suite struct {
	long     bool // the long form
	programs *programs
	dir      string // temporary files, removed at the end
	keys     keys
	shared   *server
	serial   atomic.Int64
	copying  sync.Mutex // Postgres refuses concurrent copies of a template
}

// keys are the keys of the auth service, whose tokens the APIs accept, and of the vault.
type keys struct {
	private    *rsa.PrivateKey
	publicFile string
	vault      []string // environment variables with the files of the vault's keys
}

// newSuite starts the shared Postgres and creates its template database. The suite
// must be closed even if newSuite returns an error with it.
func newSuite(ctx context.Context, bin string, long bool) (*suite, error) {
	dir, err := os.MkdirTemp("", "billing-chaos-")
	if err == nil {
		err = os.Chmod(dir, 0o711) // as root, Postgres runs under another account
	}
	if err != nil {
		return nil, err
	}
	s := &suite{long: long, programs: newPrograms(bin), dir: dir}
	return s, errors.Join(s.makeKeys(ctx), s.startShared(ctx))
}

func (s *suite) makeKeys(ctx context.Context) (err error) {
	if _, _, err := auth.NewKeyPair(s.dir); err != nil {
		return err
	}
	s.keys.publicFile = filepath.Join(s.dir, "public.pem")
	if s.keys.private, err = auth.LoadPrivateKey(filepath.Join(s.dir, "private.pem")); err != nil {
		return err
	}
	return s.makeVault(ctx)
}

// makeVault creates the keys that encrypt card numbers and payment tokens.
func (s *suite) makeVault(ctx context.Context) error {
	ctl, err := s.programs.path(ctx, "ctl", released)
	if err != nil {
		return err
	}
	keyset, kek := filepath.Join(s.dir, "vault.json"), filepath.Join(s.dir, "vault.kek")
	s.keys.vault = []string{"BILLING_VAULT_KEYSET_FILE=" + keyset, "BILLING_VAULT_KEK_FILE=" + kek}
	if out, err := exec.CommandContext(ctx, ctl, "vault", "keygen", "--keyset", keyset, "--kek", kek).CombinedOutput(); err != nil {
		return fmt.Errorf("billingctl vault keygen: %w\n%s", err, out)
	}
	return nil
}

func (s *suite) startShared(ctx context.Context) (err error) {
	if s.shared, err = startServer(ctx, s.dir, false); err != nil {
		return err
	}
	return s.makeTemplate(ctx, s.shared)
}

func (s *suite) close() {
	if s.shared != nil {
		s.shared.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// templateDB is the template database. Every world has a copy of it.
const templateDB = "template_chaos"

// makeTemplate creates templateDB with a schema and a catalogue, through billingctl.
func (s *suite) makeTemplate(ctx context.Context, on *server) error {
	ctl, err := s.programs.path(ctx, "ctl", released)
	if err != nil {
		return err
	}
	if err := on.exec(ctx, "postgres", "CREATE DATABASE "+templateDB); err != nil {
		return err
	}
	for _, line := range []string{
		"migrate up",
		"payment-system add --code simulator --name Simulator",
		"plan add --code premium --name Premium --price 399.00 --currency RUB --feature hd",
		"plan add --code basic --name Basic --price 199.00 --currency RUB",
		"plan add --code sport --name Sport --price 199.00 --currency RUB --group add-ons",
	} {
		cmd := exec.CommandContext(ctx, ctl, strings.Fields(line)...)
		cmd.Env = append(os.Environ(), "BILLING_ENV=test", "BILLING_DATABASE_URL="+on.url(templateDB))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("billingctl %s: %w\n%s", line, err, out)
		}
	}
	return nil
}

// copyTemplate creates a database as a copy of templateDB.
func (s *suite) copyTemplate(ctx context.Context, on *server, name string) error {
	s.copying.Lock()
	defer s.copying.Unlock()
	return on.exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+templateDB)
}

// ownServer starts a Postgres for this trial alone, so that the trial can break it.
func (t *trial) ownServer(durable bool) *server {
	s, err := startServer(t.ctx, t.dir, durable)
	t.require("postgres", err)
	t.atEnd(s.stop)
	t.require("template", t.makeTemplate(t.ctx, s))
	return s
}

// job describes a trial.
type job struct {
	scenario scenario
	seed     uint64
	mutant   string // the planted bug; "" for none
	seeds    int    // maximum number of trials until one finds the bug; 0 means 1
}

// runAll runs the jobs, width at a time, and calls report with each result. Exclusive
// scenarios run afterwards, one at a time. Calls of report do not overlap.
func (s *suite) runAll(ctx context.Context, width int, jobs []job, report func(*result)) {
	var shared, exclusive []job
	for _, j := range jobs {
		if j.scenario.exclusive {
			exclusive = append(exclusive, j)
		} else {
			shared = append(shared, j)
		}
	}
	var mu sync.Mutex
	one := func(_ int, j job) {
		if ctx.Err() != nil {
			return
		}
		r := s.runTrial(ctx, j)
		mu.Lock()
		defer mu.Unlock()
		report(r)
	}
	forEach(width, shared, one)
	forEach(1, exclusive, one)
}

// round returns a duration in seconds for display, rounded to 100 ms.
func round(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond)
}
