package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// poolers returns the scenario with pgbouncer in front of Postgres.
func poolers() []scenario {
	const mode = "cache_describe"
	return []scenario{{
		name: "pooler/" + mode, short: 1, long: 6,
		description: "the programs reach Postgres through pgbouncer in transaction mode, with default_query_exec_mode=" + mode + "; pgbouncer is killed and restarted",
		skip:        noPgbouncer,
		run:         func(t *trial) { behindPooler(t, mode) },
	}}
}

// noPgbouncer returns why there can be no pooler, or "" if pgbouncer is installed.
func noPgbouncer() string {
	if _, err := findPgbouncer(); err != nil {
		return "pgbouncer is not installed"
	}
	return ""
}

func findPgbouncer() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/pgbouncer")
}

// pooler is a pgbouncer in transaction mode. Its pool also has connections for the test
// clock, which the programs read in the middle of transactions.
type pooler struct {
	*process
	port int
	cfg  string
}

func (t *trial) startPooler(s *server) *pooler {
	dir, err := os.MkdirTemp(t.dir, "pgbouncer-")
	t.require("pgbouncer", err)
	t.require("pgbouncer", os.Chmod(dir, 0o755))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	t.require("pgbouncer", err)
	p := &pooler{port: free.Addr().(*net.TCPAddr).Port, cfg: filepath.Join(dir, "pgbouncer.ini")}
	t.require("pgbouncer", free.Close())
	socket, err := pgxpool.ParseConfig(s.url("postgres"))
	t.require("pgbouncer", err)
	text := fmt.Sprintf(`[databases]
* = host=%s port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 40
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`, socket.ConnConfig.Host, p.port)
	t.require("pgbouncer", os.WriteFile(p.cfg, []byte(text), 0o644))
	t.require("pgbouncer", p.start(s))
	t.atEnd(func() { p.kill() })
	return p
}

// start starts pgbouncer under the account of the server, because pgbouncer refuses to
// run as root.
func (p *pooler) start(s *server) (err error) {
	path, err := findPgbouncer()
	if err != nil {
		return err
	}
	cmd := exec.Command(path, p.cfg)
	cmd.Dir = "/"
	if cmd.SysProcAttr, err = s.processAttr(); err != nil {
		return err
	}
	if p.process, err = startProcess("pgbouncer", cmd); err != nil {
		return err
	}
	up := func() bool {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", p.port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil || p.ended()
	}
	if !waitFor(maxWait, up) || p.ended() {
		return fmt.Errorf("pgbouncer does not listen; its output ends with\n%s", p.tail())
	}
	return nil
}

func behindPooler(t *trial, mode string) {
	w := t.world()
	p := t.startPooler(t.shared)
	w.url = w.url[:strings.Index(w.url, "?")+1] + fmt.Sprintf(
		"host=127.0.0.1&port=%d&user=postgres&sslmode=disable&pool_max_conns=4&role=none&default_query_exec_mode=%s", p.port, mode)
	w.setClock(january31)
	a := w.api(slowCharges)
	w.subscribeViewers(20, "tok_ok")
	w.setClock(dueAt(1))
	b := w.busy(slowCharges)
	rng := t.rng("pgbouncer")
	for range 2 {
		w.sleep(time.Duration(500+rng.IntN(1000)) * time.Millisecond)
		p.kill()
		w.count("restarts of pgbouncer", 1)
		t.require("pgbouncer", p.start(t.shared))
	}
	b.finish()
	w.check()
	a.kill()
	w.checkRenewed(20, 0)
}
