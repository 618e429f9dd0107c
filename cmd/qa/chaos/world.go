package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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

// world is a database with a catalogue, and the programs that use it.
type world struct {
	*trial
	server *server
	name   string        // name of the database
	url    string        // database URL of the programs; may lead through a proxy or pooler
	vars   []string      // environment variables of all programs
	tags   string        // mutated in a trial with a planted bug, otherwise released
	pool   *pgxpool.Pool // the suite's own connections, as a superuser

	mu        sync.Mutex
	apis      []*api
	processes []*process
	exchanges []exchange
}

// exchange is a request and its definite response.
type exchange struct {
	viewer, method, path, key string
	response
}

var errNoAPI = errors.New("no API is running")

// chargeTimeout shortens the send window, because trials wait until it is over.
const chargeTimeout = "BILLING_CHARGE_TIMEOUT=500ms"

// world creates a world on the shared server.
func (t *trial) world(vars ...string) *world { return t.worldOn(t.shared, vars...) }

// worldOn creates a world on s. Its programs have vars in their environment.
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
		if t.long && w.server == t.shared { // hundreds of databases would fill a small disk
			_ = s.exec(context.WithoutCancel(t.ctx), "postgres", "DROP DATABASE "+w.name+" WITH (FORCE)")
		}
	})
	return w
}

// withPool sets the size of each connection pool, which otherwise depends on the machine.
func withPool(databaseURL string, n int) string {
	return withParam(databaseURL, "pool_max_conns", fmt.Sprint(n))
}

// withParam sets a parameter of a database URL.
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

// environ returns the environment of the programs: the suite's own, without variables of
// the service, and then those of the world.
func (w *world) environ(vars ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BILLING_") {
			env = append(env, v)
		}
	}
	return append(append(append(env, "BILLING_DATABASE_URL="+w.url), w.vars...), vars...)
}

// start starts cmd/<of>, built with tags. In a world with a planted bug, all programs but
// billingctl are built with the bug.
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

// api is a process of billing-api and its base URLs.
type api struct {
	*process
	base, ops string
}

// api starts the released API and waits until it listens.
func (w *world) api(vars ...string) *api { return w.apiOf(released, vars...) }

// apiOf starts an API built with tags and waits until it listens.
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
		return nil, fmt.Errorf("not up within %v; its output ends with\n%s", maxWait, p.tail())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apis = append(w.apis, a)
	return a, nil
}

// findAddresses reads the API's addresses from its log. It returns false if they are not
// there yet.
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

// runningAPI returns one of the running APIs, chosen by turn, or nil if none is running.
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

// killAll kills all processes and waits until they have ended.
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

// writeOutput writes the output of all programs to a file.
func (w *world) writeOutput() {
	var text strings.Builder
	for i, p := range w.processes {
		fmt.Fprintf(&text, "== %d %s, %v\n%s\n", i, p.name, p.cmd.ProcessState, strings.Join(p.output(), "\n"))
	}
	name := strings.NewReplacer("/", "-", " ", "-").Replace(w.result.Scenario)
	path := filepath.Join(w.programs.dir, fmt.Sprintf("%s-%d.log", name, w.seed))
	w.note("the programs' output is in %s, error %v", path, os.WriteFile(path, []byte(text.String()), 0o600))
}

// viewer returns a viewer with a new access token.
func (w *world) viewer(name string) viewer {
	token, err := auth.Sign(w.keys.private, "", auth.SignClaims{
		Subject: name, Issuer: "i", Audience: "a", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(24 * time.Hour),
	})
	w.require("token", err)
	return viewer{w, name, token}
}

// setClock freezes the test clock at an instant.
func (w *world) setClock(at time.Time) {
	w.require("clock", clock.NewTest(w.pool).Set(w.ctx, at))
}

// printed iterates over the lines of all programs' output so far, each with the name of its
// program.
func (w *world) printed() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		w.mu.Lock()
		processes := slices.Clone(w.processes)
		w.mu.Unlock()
		for _, p := range processes {
			for _, line := range p.output() {
				if !yield(p.name, line) {
					return
				}
			}
		}
	}
}

// viewers returns n new viewers.
func (w *world) viewers(n int) []viewer {
	list := make([]viewer, n)
	for i := range list {
		list[i] = w.viewer(fmt.Sprintf("viewer-%d", i))
	}
	return list
}

// subscribeViewers subscribes n new viewers, eight at a time. Each has its own payment
// token of the given kind.
func (w *world) subscribeViewers(n int, token string) []viewer {
	viewers := w.viewers(n)
	forEach(8, viewers, func(i int, v viewer) { v.subscribe(fmt.Sprintf("%s~%d", token, i)) })
	return viewers
}

// billingctl returns a command of the operator's command line on the database of the
// world.
func (w *world) billingctl(args ...string) *exec.Cmd {
	path, err := w.programs.path(w.ctx, "ctl", released)
	w.require("billingctl", err)
	cmd := exec.CommandContext(w.ctx, path, args...)
	cmd.Env = w.environ()
	return cmd
}

// forEach calls f for all items, at most width at a time, and waits for all calls.
func forEach[T any](width int, items []T, f func(int, T)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, width)
	for i, item := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(i, item)
		})
	}
	wg.Wait()
}
