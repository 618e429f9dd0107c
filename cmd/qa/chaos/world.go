package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/clock"
)

// world is a database with a catalogue and everything that works on it.
type world struct {
	*trial
	server *server
	name   string        // of the database
	url    string        // by which the programs reach it; may lead through something that breaks
	vars   []string      // in the environment of all programs
	tags   string        // in which form programs are started unless asked otherwise
	pool   *pgxpool.Pool // ours, of a superuser who sees both books

	mu        sync.Mutex
	apis      []*api
	processes []*process
	exchanges []exchange
}

// heard is a definite answer to a request.
type exchange struct {
	viewer, method, path, key string
	response
}

var errNoAPI = errors.New("no API runs")

// chargeTimeout makes a short window in which a charge may be sent, so that
// nobody waits long for its end.
const chargeTimeout = "BILLING_CHARGE_TIMEOUT=500ms"

// world makes one, on the server that all trials share.
func (t *trial) world(vars ...string) *world { return t.worldOn(t.shared, vars...) }

// worldOn makes one with these variables in the environment of its programs.
func (t *trial) worldOn(s *server, vars ...string) *world {
	w := &world{trial: t, server: s, tags: released, name: fmt.Sprintf("trial_%d", t.serial.Add(1))}
	w.vars = slices.Concat([]string{"BILLING_ENV=test", "BILLING_CLOCK=test", chargeTimeout}, t.keys.vault, vars)
	if t.mutant != "" {
		w.tags, w.vars = mutated, append(w.vars, "BILLING_MUTANT="+t.mutant)
	}
	t.require("database", t.copyTemplate(t.ctx, s, w.name))
	t.require("planted schema", s.exec(t.ctx, w.name, schemaMutants[t.mutant]...))
	w.url = withPool(s.url(w.name), 4)
	var err error
	if w.pool, err = pgxpool.New(t.ctx, withParam(withPool(s.url(w.name), 2), "application_name", "chaos")); err != nil {
		t.inconclusive("pool: %v", err)
	}
	t.atEnd(func() {
		w.killAll()
		w.pool.Close()
		if !t.result.good() && t.mutant == "" {
			w.writeOutput()
		}
		if t.long && w.server == t.shared { // hundreds of them would fill a small disk
			_ = s.exec(context.WithoutCancel(t.ctx), "postgres", "DROP DATABASE "+w.name+" WITH (FORCE)")
		}
	})
	return w
}

// withPool sets how many connections each pool has, whatever the machine.
func withPool(databaseURL string, n int) string {
	return withParam(databaseURL, "pool_max_conns", fmt.Sprint(n))
}

// with sets a parameter of a database URL.
func withParam(databaseURL, key, value string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return databaseURL
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func (w *world) environ(vars ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BILLING_") {
			env = append(env, v)
		}
	}
	return append(append(append(env, "BILLING_DATABASE_URL="+w.url), w.vars...), vars...)
}

// start starts a program in a form.
func (w *world) start(of, tags string, args []string, vars ...string) (*process, error) {
	if w.tags == mutated && of != "ctl" {
		tags = mutated
	}
	path, err := w.programs.path(w.ctx, of, tags)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Env = w.environ(vars...)
	p, err := startProcess("billing-"+of, cmd)
	if err == nil {
		w.mu.Lock()
		w.processes = append(w.processes, p)
		w.mu.Unlock()
	}
	return p, err
}

// api is a billing-api that runs.
type api struct {
	*process
	base, ops string
}

// api starts an API as it is released and waits until it listens.
func (w *world) api(vars ...string) *api { return w.apiOf(released, vars...) }

// apiOf starts one in a form.
func (w *world) apiOf(tags string, vars ...string) *api {
	a, err := w.startAPI(tags, vars...)
	w.require("billing-api", err)
	return a
}

func (w *world) startAPI(tags string, vars ...string) (*api, error) {
	own := []string{
		"BILLING_API_ADDR=127.0.0.1:0", "BILLING_OPS_ADDR=127.0.0.1:0", "BILLING_SWEEP_INTERVAL=200ms",
		"BILLING_AUTH_PUBLIC_KEY_FILE=" + w.keys.publicFile, "BILLING_AUTH_ISSUER=i", "BILLING_AUTH_AUDIENCE=a",
	}
	p, err := w.start("api", tags, nil, append(own, vars...)...)
	if err != nil {
		return nil, err
	}
	a := &api{process: p}
	up := func() bool { return a.findAddresses() || p.ended() }
	if !waitFor(maxWait, up) || a.base == "" {
		return nil, fmt.Errorf("not up within %v; it said\n%s", maxWait, p.tail())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apis = append(w.apis, a)
	return a, nil
}

// findAddresses looks for where the API listens in what it said.
func (a *api) findAddresses() bool {
	for _, line := range a.output() {
		var up struct {
			Msg string
			API string `json:"api_addr"`
			Ops string `json:"ops_addr"`
		}
		if json.Unmarshal([]byte(line), &up) == nil && up.Msg == "billing-api is up" {
			a.base, a.ops = "http://"+up.API, "http://"+up.Ops
			return true
		}
	}
	return false
}

// someAPI is one of those that run, by turns, or nil when none does.
func (w *world) runningAPI(turn int) *api {
	w.mu.Lock()
	defer w.mu.Unlock()
	var up []*api
	for _, a := range w.apis {
		if !a.ended() {
			up = append(up, a)
		}
	}
	if w.apis = up; len(up) == 0 {
		return nil
	}
	return up[turn%len(up)]
}

func (w *world) record(v viewer, method, path, key string, a response) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exchanges = append(w.exchanges, exchange{v.name, method, path, key, a})
}

// killAll kills whatever runs.
func (w *world) killAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		p.signal(9)
	}
	for _, p := range w.processes {
		<-p.done
	}
}

// keepOutput writes down what all programs said, when something was wrong.
func (w *world) writeOutput() {
	var text strings.Builder
	for i, p := range w.processes {
		fmt.Fprintf(&text, "== %d %s, %v\n%s\n", i, p.name, p.cmd.ProcessState, strings.Join(p.output(), "\n"))
	}
	name := strings.NewReplacer("/", "-", " ", "-").Replace(w.result.Scenario)
	path := filepath.Join(w.programs.dir, fmt.Sprintf("%s-%d.log", name, w.seed))
	w.note("what the programs said is in %s: %v", path, os.WriteFile(path, []byte(text.String()), 0o600))
}

// viewer makes a viewer.
func (w *world) viewer(name string) viewer {
	token, err := auth.Sign(w.keys.private, "", auth.SignClaims{
		Subject: name, Issuer: "i", Audience: "a", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(24 * time.Hour),
	})
	w.require("token", err)
	return viewer{w, name, token}
}

// setClock makes billing time stand still at an instant.
func (w *world) setClock(at time.Time) {
	w.require("clock", clock.NewTest(w.pool).Set(w.ctx, at))
}

// subscribers are n viewers, each of whom subscribes with a token of its own of
// that kind, a few at a time.
func (w *world) subscribeViewers(n int, token string) []viewer {
	viewers := make([]viewer, n)
	for i := range viewers {
		viewers[i] = w.viewer(fmt.Sprintf("viewer-%d", i))
	}
	forEach(8, viewers, func(i int, v viewer) { v.subscribe(fmt.Sprintf("%s~%d", token, i)) })
	return viewers
}

// together calls f for all items, so many at once, and waits.
func forEach[T any](width int, items []T, f func(int, T)) {
	var wg sync.WaitGroup
	places := make(chan struct{}, width)
	for i, item := range items {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			f(i, item)
		})
	}
	wg.Wait()
}
